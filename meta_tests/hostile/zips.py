"""ZIP files byte by byte, so that they can lie wherever the format lets them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

STORED, DEFLATED = 0, 8
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


@dataclass
class Member:
    """A member. `local` and `central` override fields of its two headers: name, flags, method, crc, packed, size,
    extra, and for the directory external (attributes) and offset."""

    name: bytes
    data: bytes
    method: int = STORED
    flags: int = 0
    external: int = 0o100644 << 16
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    payload: bytes | None = None
    descriptor: bytes = b""

    def packed(self) -> bytes:
        if self.payload is not None:
            return self.payload
        if self.method != DEFLATED:
            return self.data
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        return squeeze.compress(self.data) + squeeze.flush()

    def fields(self, overrides: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": self.name, "flags": self.flags, "method": self.method, "crc": zlib.crc32(self.data),
            "packed": len(self.packed()), "size": len(self.data), "extra": b"", "external": self.external, **overrides,
        }  # fmt: skip


def build(
    members: list[Member],
    *,
    prefix: bytes = b"",
    between: bytes = b"",
    before_end: bytes = b"",
    comment: bytes = b"",
    suffix: bytes = b"",
    end: dict[str, int] | None = None,
    directory: list[Member] | None = None,
) -> bytes:
    """A ZIP of `members`. between: bytes after the first member. directory: other members for the directory.

    end overrides fields of the end record: disk, start, here, total, size, offset.
    """
    out, offsets = bytearray(prefix), {}
    for index, member in enumerate(members):
        offsets[id(member)] = len(out)
        f = member.fields(member.local)
        out += LOCAL + struct.pack(
            "<5H3L2H", 20, f["flags"], f["method"], 0, 33, f["crc"], f["packed"], f["size"], len(f["name"]),
            len(f["extra"]),
        )  # fmt: skip
        out += f["name"] + f["extra"] + member.packed() + member.descriptor
        if index == 0:
            out += between
    start = len(out)
    listed = members if directory is None else directory
    for member in listed:
        f = member.fields(member.central)
        offset = f.get("offset", offsets.get(id(member), 0))
        out += CENTRAL + struct.pack(
            "<6H3L5H2L", 0x314, 20, f["flags"], f["method"], 0, 33, f["crc"], f["packed"], f["size"], len(f["name"]),
            len(f["extra"]), 0, 0, 0, f["external"], offset,
        )  # fmt: skip
        out += f["name"] + f["extra"]
    size = len(out) - start
    out += before_end
    e = {"disk": 0, "start": 0, "here": len(listed), "total": len(listed), "size": size, "offset": start, **(end or {})}
    out += END + struct.pack(
        "<4H2LH", e["disk"], e["start"], e["here"], e["total"], e["size"], e["offset"], len(comment)
    )
    return bytes(out) + comment + suffix
