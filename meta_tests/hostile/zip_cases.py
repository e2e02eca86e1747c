"""Archives that lie: names that lead elsewhere, headers that disagree, bombs, cuts, two archives in one."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable

from meta_tests.hostile.bundles import raw
from meta_tests.hostile.case import hostile
from meta_tests.hostile.zips import DEFLATED, END, Member, build
from meta_tests.support.toy import Toy

GROUP = "ZIP archive"
UNSAFE = "UnsafeBundleError"
LEADS = "could lead out of the folder"
TWICE = "two members have this name"
CONTRADICTS = "own header contradicts the directory"
MEGABYTE = 1_000_000


def _named(name: str, title: str, what: str, member: bytes, says: str = LEADS, *, flags: int = 0) -> None:
    @hostile(GROUP, name, what, UNSAFE, says)
    def make(toy: Toy) -> None:
        toy.bundle.write_bytes(build([*raw(toy), Member(member, b"{}", flags=flags)]))


for _name, _what, _member in (
    ("zip-slip", "a member named `../evil.json`", b"../evil.json"),
    ("zip-slip-inside", "a member named `heads/../../evil.json`", b"heads/../../evil.json"),
    ("zip-absolute", "a member named `/etc/evil.json`", b"/etc/evil.json"),
    ("zip-drive", "a member named `C:evil.json`", b"C:evil.json"),
    ("zip-backslash", "a member named `..\\evil.json`", b"..\\evil.json"),
    ("zip-device", "a member named `aux.json`, a device on Windows", b"aux.json"),
    ("zip-nul", "a member named `evil.json\\0.txt`, which some readers cut", b"evil.json\0.txt"),
    ("zip-no-name", "a member without a name", b""),
    ("zip-nul-first", "a member whose name begins with a NUL", b"\0evil.json"),
    ("zip-newline", "a member whose name holds a line break and colours", b"evil\n\x1b[31m.json"),
    ("zip-empty-part", "a member named `heads//evil.json`", b"heads//evil.json"),
    ("zip-stream", "a member named `evil.json:stream`", b"evil.json:stream"),
    ("zip-blank", "a member named `heads /evil.json`", b"heads /evil.json"),
    ("zip-dot-end", "a member named `evil./x.json`, which Windows calls `evil/x.json`", b"evil./x.json"),
    ("zip-long-name", "a member with a name of 60,000 bytes", b"x" * 60_000 + b".json"),
    ("zip-code-page", "a member whose name is not ASCII, and reads differently by code page", b"caf\x82.json"),
):
    _named(_name, _what, _what, _member)


@hostile(GROUP, "zip-form-collision", "two names that are one in another Unicode form", UNSAFE, LEADS)
def _form(toy: Toy) -> None:
    names = ["caf\u00e9.json", "cafe\u0301.json"]
    toy.bundle.write_bytes(build([*raw(toy), *(Member(n.encode(), b"{}", flags=0x800) for n in names)]))


@hostile(GROUP, "zip-long-s", "`\u017fchema.json`, which folds to `schema.json`", UNSAFE, LEADS)
def _long_s(toy: Toy) -> None:
    toy.bundle.write_bytes(build([*raw(toy), Member("\u017fchema.json".encode(), b"{}", flags=0x800)]))


@hostile(GROUP, "zip-duplicate", "two members of one name", UNSAFE, TWICE)
def _duplicate(toy: Toy) -> None:
    toy.bundle.write_bytes(build([*raw(toy), Member(b"schema.json", b'{"other": 1}')]))


@hostile(GROUP, "zip-case", "`schema.json` and `SCHEMA.JSON`", UNSAFE, TWICE)
def _case(toy: Toy) -> None:
    toy.bundle.write_bytes(build([*raw(toy), Member(b"SCHEMA.JSON", b"{}")]))


@hostile(GROUP, "zip-file-and-folder", "a member that is a file and a folder", UNSAFE, "file and a folder")
def _file_and_folder(toy: Toy) -> None:
    toy.bundle.write_bytes(build([*raw(toy), Member(b"schema.json/x.json", b"{}")]))


@hostile(GROUP, "zip-unicode-path", "an extra field that gives a member another name", UNSAFE, "extra field")
def _unicode_path(toy: Toy) -> None:
    found = raw(toy)
    other = b"\x01" + struct.pack("<L", 0) + b"../evil.json"
    extra = struct.pack("<HH", 0x7075, len(other)) + other
    found[-1].local = found[-1].central = {"extra": extra}
    toy.bundle.write_bytes(build(found))


def _moded(name: str, what: str, mode: int) -> None:
    @hostile(GROUP, name, what, UNSAFE, "the member is a link or a device")
    def make(toy: Toy) -> None:
        toy.bundle.write_bytes(build([*raw(toy), Member(b"link.json", b"/etc/passwd", external=mode << 16)]))


_moded("zip-symlink", "a member that is a link to `/etc/passwd`", stat.S_IFLNK | 0o777)
_moded("zip-character-device", "a member that is a device", stat.S_IFCHR | 0o666)
_moded("zip-fifo", "a member that is a FIFO", stat.S_IFIFO | 0o666)


def _lying(name: str, what: str, says: str, change: Callable[[list[Member]], None], error: str = UNSAFE) -> None:
    @hostile(GROUP, name, what, error, says)
    def make(toy: Toy) -> None:
        found = raw(toy)
        change(found)
        toy.bundle.write_bytes(build(found))


def _local(**fields: object) -> Callable[[list[Member]], None]:
    def change(found: list[Member]) -> None:
        found[1].local = dict(fields)

    return change


def _packed_manifest(method: int, payload: bytes) -> Callable[[list[Member]], None]:
    def change(found: list[Member]) -> None:
        found[0].method, found[0].payload = method, payload

    return change


# version, length of the properties, properties (lc, lp, pb; a dictionary of 4 GB), and the beginning of a stream
_LZMA_4_GB = b"\x09\x14" + struct.pack("<H", 5) + b"\x5d\xff\xff\xff\xff" + bytes(50)


def _both(**fields: object) -> Callable[[list[Member]], None]:
    def change(found: list[Member]) -> None:
        found[1].local = dict(fields)
        found[1].central = dict(fields)

    return change


_lying("zip-local-name", "a local header with another name", CONTRADICTS, _local(name=b"heads/other.safetensors"))
_lying("zip-local-size", "a local header with another size", CONTRADICTS, _local(size=5))
_lying("zip-local-packed", "a local header with another packed size", CONTRADICTS, _local(packed=5))
_lying("zip-local-crc", "a local header with another CRC", CONTRADICTS, _local(crc=5))
_lying("zip-local-method", "a local header with another method", CONTRADICTS, _local(method=DEFLATED))
_lying("zip-local-flags", "a local header that is encrypted, unlike the directory", CONTRADICTS, _local(flags=1))
_lying("zip-crc", "a wrong CRC in both headers", "Bad CRC-32", _both(crc=5), "BundleError")
_lying("zip-encrypted", "an encrypted member", "is encrypted", _both(flags=1))
_lying("zip-strong", "a strongly encrypted member", "is encrypted", _both(flags=0x41))
_lying("zip-hidden-directory", "an encrypted directory", "is encrypted", _both(flags=0x2001))
_lying("zip-lzma", "a member packed by LZMA", "packed by method 14", _both(method=14))
_lying(
    "zip-lzma-manifest", "a manifest that LZMA needs 4 GB for", "packed by method 14", _packed_manifest(14, _LZMA_4_GB)
)
_lying(
    "zip-lzma-noise", "a manifest that LZMA does not make", "packed by method 14", _packed_manifest(14, b"\xff" * 60)
)
_lying(
    "zip-bzip2-noise", "a manifest that bzip2 does not make", "packed by method 12", _packed_manifest(12, b"\xff" * 60)
)
_lying(
    "zip-deflate-noise",
    "a manifest that DEFLATE does not make",
    "cannot be read",
    _packed_manifest(8, b"\xff" * 60),
    "BundleError",
)
_lying("zip-bzip2", "a member packed by bzip2", "packed by method 12", _both(method=12))
_lying("zip-method-99", "a member packed by a method that does not exist", "packed by method 99", _both(method=99))
_lying("zip-stored-lengths", "a stored member with two lengths", "stored member has two lengths", _both(size=5))
_lying(
    "zip-not-deflate",
    "a member that is not what DEFLATE makes",
    "cannot be read",
    _both(method=DEFLATED),
    "BundleError",
)
_lying(
    "zip64-size", "a size of 0xFFFFFFFF, to be found in a ZIP64 field", "extra field",
    _both(size=0xFFFFFFFF, packed=0xFFFFFFFF, extra=struct.pack("<HHQQ", 1, 16, 2, 2)),
)  # fmt: skip
_lying(
    "zip64-extra", "a ZIP64 field beside sizes that need none", "extra field", _both(extra=struct.pack("<HHQ", 1, 8, 7))
)


@hostile(GROUP, "zip-descriptor", "a trailing record that contradicts the directory", UNSAFE, "trailing record")
def _descriptor(toy: Toy) -> None:
    found = raw(toy)
    for member in found:
        member.flags |= 8
        member.local = {"crc": 0, "packed": 0, "size": 0}
        member.descriptor = b"PK\x07\x08" + struct.pack("<3L", 1, 2, 3)
    toy.bundle.write_bytes(build(found))


def _ended(name: str, what: str, says: str, **end: int) -> None:
    @hostile(GROUP, name, what, UNSAFE, says)
    def make(toy: Toy) -> None:
        toy.bundle.write_bytes(build(raw(toy), end=end))


_ended("zip-count", "an end record that counts more members", "end contradicts itself", total=9)
_ended("zip-disks", "an archive on several disks", "end contradicts itself", disk=1, start=1)
_ended("zip64-count", "65,535 members, to be found in a ZIP64 record", "ZIP64", here=0xFFFF, total=0xFFFF)
_ended("zip64-offset", "an offset of 0xFFFFFFFF, to be found in a ZIP64 record", "ZIP64", offset=0xFFFFFFFF)
_ended("zip-offset", "an offset beyond the directory", "between the directory and its end", offset=10)


@hostile(GROUP, "zip-directory-short", "a directory with fewer members than it counts", "BundleError", "directory")
def _directory_short(toy: Toy) -> None:
    toy.bundle.write_bytes(build(raw(toy), end={"here": 9, "total": 9}))


@hostile(GROUP, "zip64-records", "ZIP64 records that name another directory", UNSAFE, "ZIP64")
def _zip64_records(toy: Toy) -> None:
    record = b"PK\x06\x06" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, 1, 1, 50, 0)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, 0, 1)
    toy.bundle.write_bytes(build(raw(toy), before_end=record + locator))


@hostile(GROUP, "zip-prefix", "a program before the archive, offsets as without it", UNSAFE, "before the archive")
def _prefix(toy: Toy) -> None:
    whole = toy.bundle.read_bytes()
    toy.bundle.write_bytes(b"PK\x03\x04" + b"#" * 100 + whole)


@hostile(GROUP, "zip-script", "a shell script before the archive", "BundleError", "does not begin with a member")
def _script(toy: Toy) -> None:
    toy.bundle.write_bytes(b"#!/bin/sh\nexit\n" + toy.bundle.read_bytes())


@hostile(GROUP, "zip-between", "bytes between two members, which may be a hidden one", UNSAFE, "bytes between them")
def _between(toy: Toy) -> None:
    toy.bundle.write_bytes(build(raw(toy), between=b"hidden"))


@hostile(GROUP, "zip-unlisted", "a member that the directory does not list", UNSAFE, "between the members")
def _unlisted(toy: Toy) -> None:
    found = raw(toy)
    toy.bundle.write_bytes(build([*found, Member(b"evil.json", b"{}")], directory=found))


@hostile(GROUP, "zip-appended", "bytes after the archive", "BundleError", "does not end with its directory")
def _appended(toy: Toy) -> None:
    toy.bundle.write_bytes(toy.bundle.read_bytes() + b"appended")


@hostile(GROUP, "zip-two-ends", "a second archive appended: two end records", UNSAFE, "before the archive")
def _two_ends(toy: Toy) -> None:
    whole = toy.bundle.read_bytes()
    toy.bundle.write_bytes(whole + whole)


@hostile(GROUP, "zip-comment", "a second end record in the comment of the first", UNSAFE, "bytes between")
def _comment(toy: Toy) -> None:
    inner = END + struct.pack("<4H2LH", 0, 0, 0, 0, 0, 0, 0)
    toy.bundle.write_bytes(build(raw(toy), comment=inner))


@hostile(GROUP, "zip-overlap", "two names for the same bytes", UNSAFE, "overlap")
def _overlap(toy: Toy) -> None:
    found = raw(toy)
    twin = Member(b"twin.json", found[-1].data, central={"offset": 0})
    toy.bundle.write_bytes(build(found, directory=[*found, twin]))


@hostile(GROUP, "zip-overlapping-bomb", "250 names for one kernel of 1 MB", UNSAFE, "overlap")
def _overlapping_bomb(toy: Toy) -> None:
    kernel = Member(b"k.txt", b"0" * 400_000, method=DEFLATED)
    found = raw(toy)
    others = [
        Member(f"n{i}.txt".encode(), kernel.data, method=DEFLATED, payload=kernel.packed(), central={"offset": 0})
        for i in range(240)
    ]
    toy.bundle.write_bytes(build([*found, kernel], directory=[*found, kernel, *others]))


@hostile(GROUP, "zip-bomb", "100 MB of zeros in 100 kB", UNSAFE, "unpacks to more than 200 times its size")
def _bomb(toy: Toy) -> None:
    toy.bundle.write_bytes(build([*raw(toy), Member(b"notes.txt", bytes(100 * MEGABYTE), method=DEFLATED)]))


@hostile(GROUP, "zip-bomb-in-parts", "240 members of 999 kB of zeros each", UNSAFE, "unpacks to more than")
def _bomb_in_parts(toy: Toy) -> None:
    first = Member(b"n.txt", bytes(999_000), method=DEFLATED)
    packed = first.packed()
    parts = [Member(f"n{i}.txt".encode(), first.data, method=DEFLATED, payload=packed) for i in range(240)]
    toy.bundle.write_bytes(build([*raw(toy), *parts]))


@hostile(
    GROUP, "zip-bomb-lying", "a manifest that says 100 bytes and unpacks to 100 MB", "BundleError", "manifest.json"
)
def _bomb_lying(toy: Toy) -> None:
    found = raw(toy)
    found[0].data, found[0].method = bytes(100 * MEGABYTE), DEFLATED
    found[0].local = found[0].central = {"size": 100}
    toy.bundle.write_bytes(build(found))


@hostile(GROUP, "zip-nested", "an archive in the archive", "ExecutableMemberError", "inner.json")
def _nested(toy: Toy) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deeper.zip", bytes(20 * MEGABYTE))
    toy.bundle.write_bytes(build([*raw(toy), Member(b"inner.json", inner.getvalue())]))


@hostile(GROUP, "zip-many", "300 members", UNSAFE, "at most 256 are read")
def _many(toy: Toy) -> None:
    toy.bundle.write_bytes(build([*raw(toy), *(Member(f"n{i}.txt".encode(), b"x") for i in range(300))]))


@hostile(GROUP, "zip-folder-with-bytes", "a folder that holds bytes", UNSAFE, "the folder holds bytes")
def _folder(toy: Toy) -> None:
    toy.bundle.write_bytes(build([*raw(toy), Member(b"folder/", b"{}")]))


@hostile(GROUP, "zip-huge", "an archive of a terabyte, all holes", "RaxeError", "is larger than")
def _huge(toy: Toy) -> None:
    os.truncate(toy.bundle, 1 << 40)


def _cut(name: str, what: str, where: Callable[[bytes, int], int]) -> None:
    @hostile(GROUP, f"zip-cut-{name}", f"cut off {what}", "BundleError", "is no")
    def make(toy: Toy) -> None:
        data = build([*raw(toy)])
        start = struct.unpack("<L", data[-6:-2])[0]
        toy.bundle.write_bytes(data[: where(data, start)])


_cut("empty", "to nothing", lambda data, start: 0)
_cut("signature", "within the first signature", lambda data, start: 3)
_cut("local", "within the first local header", lambda data, start: 20)
_cut("name", "within the first name", lambda data, start: 35)
_cut("data", "within the first member's data", lambda data, start: 100)
_cut("directory", "within the directory", lambda data, start: start + 20)
_cut("before-end", "before the end record", lambda data, start: len(data) - 22)
_cut("end", "within the end record", lambda data, start: len(data) - 10)
_cut("last", "before the last byte", lambda data, start: len(data) - 1)


@hostile(GROUP, "zip-cut-middle", "made without the first half", "BundleError", "is no ZIP")
def _without_head(toy: Toy) -> None:
    data = toy.bundle.read_bytes()
    toy.bundle.write_bytes(data[len(data) // 2 :])
