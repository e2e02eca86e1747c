"""ZIP archives from strangers: read whole, once, in bounded memory, and only if every reader would see the same files.

`zipfile` is lenient where readers differ (prefixed data, comments, central directory against local headers), and such
archives can show one content to a verifier and another to a loader. A bundle needs none of that, so it is refused.
Nothing is ever extracted to disk here.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

from raxe_conformance.errors import BundleError, ExecutableMemberError, UnsafeBundleError
from raxe_conformance.fileio import read_bounded, sha256

MAX_ARCHIVE_BYTES: Final = 64_000_000
MAX_MEMBERS: Final = 256
MAX_UNPACKED_BYTES: Final = 128_000_000
MAX_RATIO: Final = 200  # of a member above 1 MB; DEFLATE reaches 1032

_DATA_SUFFIXES = {".json", ".safetensors", ".onnx", ".txt", ".md"}
_PROGRAM_SUFFIXES = {
    ".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".npy", ".npz", ".dill", ".cloudpickle", ".py", ".pyc",
    ".pyd", ".so", ".dll", ".dylib", ".exe", ".sh", ".bat", ".cmd", ".ps1", ".js", ".jar", ".whl", ".h5", ".keras",
}  # fmt: skip
_END = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_DRIVE = re.compile(r"^[A-Za-z]:")
_DEVICES = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_REPACK = "pack it again with `raxe-conformance bundle pack`"


_PROGRAMS = (
    b"PK", b"ZF", b"MZ", b"#!", b"\x7fELF", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"7z\xbc\xaf",
    b"Rar!", b"\x93NUMPY", b"\x89HDF", b"\0asm", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda",
)  # fmt: skip
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_SNIFFED = 64  # bytes of a member that its kind is told by
_EXTRA_FIELDS = {0x5455, 0x7875, 0x000A}  # times and owners; others give a member another name or size


def looks_like_program(head: bytes) -> bool:
    """Whether bytes begin as a pickle (protocol 2 and up), a compressed file or archive, or machine code."""
    pickled = head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    # Compiled Python: a version, then a line end that text never has.
    compiled = head[2:4] == b"\r\n" and not head[:2].isascii()
    return pickled or compiled or head.startswith(_PROGRAMS)


def _begins_as(suffix: str, head: bytes) -> bool:
    """Whether bytes begin as files of this suffix do."""
    if suffix == ".json":
        return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:1] in (b"{", b"[")
    if suffix == ".safetensors":
        # A header's length, which may look like a pickle's first bytes, then the header.
        return head[8:9] == b"{" and head[4:8] == bytes(4)
    if suffix == ".onnx":
        return head[:1] == b"\x08"
    return not _NO_TEXT.search(head) and not head.startswith(b"#!")


def _is_folder(info: zipfile.ZipInfo) -> bool:
    """As ZipInfo.is_dir, which fails on a member without a name."""
    return info.orig_filename.endswith("/")


def _key(name: str) -> str:
    """What file systems that ignore case take for one."""
    return name.removesuffix("/").casefold()


class Archive:
    """The members of a ZIP file, checked. `sha256` and `size` are of the bytes that the members come from."""

    def __init__(self, path: Path, *, within: Path | None = None) -> None:
        """Read the file, which a link must not place outside of `within`.

        Raises MissingFileError, BundleError (no ZIP), UnsafeBundleError, ExecutableMemberError.
        """
        self.path = path
        data = read_bounded(path, MAX_ARCHIVE_BYTES, what="the bundle", within=within)
        self._data, self.size, self.sha256 = data, len(data), sha256(data)
        self._check_end(data)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error, UnicodeError) as error:
            raise BundleError(f"is no readable ZIP: {error}", file=path, remedy=_REPACK) from None
        infos = self._zip.infolist()
        if len(infos) != struct.unpack_from("<H", data, self.size - 12)[0]:
            raise self._unsafe("the directory does not hold as many members as it counts")
        if len(infos) > MAX_MEMBERS:
            raise self._unsafe(f"has {len(infos)} members, at most {MAX_MEMBERS} are read")
        if sum(info.file_size for info in infos) > MAX_UNPACKED_BYTES:
            raise self._unsafe(f"unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        seen: set[str] = set()
        for info in infos:
            self._check_name(info, seen)
            self._check_header(info)
        folders = {"/".join(name.split("/")[:depth]) for name in seen for depth in range(1, name.count("/") + 1)}
        files = {_key(info.orig_filename): info.filename for info in infos if not _is_folder(info)}
        for key in sorted(folders & files.keys()):
            raise self._unsafe("the member is a file and a folder", files[key])
        self._check_layout(data, infos)
        self._infos = {info.filename: info for info in infos if not _is_folder(info)}
        for name in self.names:
            self._check_kind(name, self._read(name, _SNIFFED))

    @property
    def names(self) -> list[str]:
        """Names of the files, sorted."""
        return sorted(self._infos)

    def read(self, name: str, most: int | None = None) -> bytes:
        """A member's bytes, its length and CRC verified. Raises BundleError, also where they are more than `most`."""
        info = self._infos.get(name)
        if info is None:
            raise BundleError("the member does not exist", file=self.path, field=name, remedy=_REPACK)
        if most is not None and info.file_size > most:
            raise BundleError(f"the member is larger than {most} bytes", file=self.path, field=name, remedy=_REPACK)
        data = self._read(name, info.file_size + 1)
        if len(data) != info.file_size:
            raise self._unsafe("the member is not as long as the directory says", name)
        if info.compress_type == zipfile.ZIP_DEFLATED and not self._ends(info):
            raise self._unsafe("the member's packed data end before, or after, its bytes do", name)
        self._check_kind(name, data[:_SNIFFED])
        return data

    def _ends(self, info: zipfile.ZipInfo) -> bool:
        """Whether DEFLATE ends where the directory says: `zipfile` passes over bytes behind the end."""
        header = info.header_offset
        name_length, extra_length = struct.unpack_from("<2H", self._data, header + 26)
        start = header + 30 + name_length + extra_length
        packed = zlib.decompressobj(-zlib.MAX_WBITS)
        rest = self._data[start : start + info.compress_size]
        try:
            # Where all is read, there may be bytes left to give, and the end behind them.
            while not packed.eof and (packed.decompress(rest, 1 << 20) or rest):
                rest = packed.unconsumed_tail
        except zlib.error:  # behind what `zipfile` read
            return False
        return packed.eof and not packed.unused_data

    def _read(self, name: str, most: int) -> bytes:
        try:
            with self._zip.open(self._infos[name]) as handle:
                return handle.read(most)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise BundleError(
                f"the member cannot be read: {error}", file=self.path, field=name, remedy=_REPACK
            ) from None

    def _check_kind(self, name: str, head: bytes) -> None:
        suffix = Path(name).suffix.lower()
        if _begins_as(suffix, head):
            return
        if looks_like_program(head):
            raise self._executable(name)
        # The manifest is read as JSON in any case, and that says better what is wrong with it.
        if name != "manifest.json":
            raise self._unsafe(f"the member does not begin as {suffix} files do", name)

    def _unsafe(self, problem: str, name: str | None = None) -> UnsafeBundleError:
        return UnsafeBundleError(problem, file=self.path, field=name, remedy=_REPACK)

    def _executable(self, name: str) -> ExecutableMemberError:
        return ExecutableMemberError(
            "is a pickle, joblib or program file, which would run code when opened: it is refused unopened",
            file=self.path,
            field=name,
            remedy="export the classifier's weights as arrays and pack them as a head set (docs/bundle.md)",
        )

    def _check_end(self, data: bytes) -> None:
        if not data.startswith(b"PK\x03\x04"):
            raise BundleError("is no ZIP: it does not begin with a member", file=self.path, remedy=_REPACK)
        end = len(data) - 22
        if end < 0 or data[end : end + 4] != _END:
            raise BundleError(
                "is no complete ZIP: it does not end with its directory (cut off, or bytes appended)",
                file=self.path,
                remedy="copy it again, or " + _REPACK,
            )
        disk, start, here, total, size, offset, comment = struct.unpack("<4H2LH", data[end + 4 :])
        if disk or start or here != total or comment:
            raise self._unsafe("the directory's end contradicts itself")
        if (
            0xFFFF in (here, total)
            or 0xFFFFFFFF in (size, offset)
            or data[max(0, end - 20) : end][:4] == _ZIP64_LOCATOR
        ):
            raise self._unsafe("uses ZIP64, which no bundle needs")
        if offset + size != end:
            raise self._unsafe("there are bytes between the directory and its end, or before the archive")

    def _check_name(self, info: zipfile.ZipInfo, seen: set[str]) -> None:
        # orig_filename is what the directory says; zipfile cuts filename at a NUL and turns back-slashes round.
        name = info.orig_filename
        plain = name[:-1] if _is_folder(info) else name
        parts = plain.split("/")
        if (
            not plain
            or len(name) > 200
            or name != info.filename
            or "\\" in name
            or _DRIVE.match(name)
            or any(part in ("", ".", "..") or part != part.strip() or _DEVICES.match(part) for part in parts)
            # Beyond ASCII, code pages and Unicode forms make one name many.
            or not all(c.isascii() and c.isprintable() and c not in '<>:"|?*' for c in name)
            or any(part.endswith(".") for part in parts)
        ):
            raise self._unsafe("the member's name could lead out of the folder, or is read differently elsewhere", name)
        key = _key(name)
        if key in seen:
            raise self._unsafe("two members have this name (or names that some file systems take for one)", name)
        seen.add(key)
        mode = info.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._unsafe("the member is a link or a device", name)
        if _is_folder(info):
            if info.file_size or info.compress_size:
                raise self._unsafe("the folder holds bytes", name)
            return
        if stat.S_ISDIR(mode) or info.external_attr & 0x10:  # a folder to Unix, or to Windows
            raise self._unsafe("the member is a file by its name and a folder by its attributes", name)
        suffix = Path(name).suffix.lower()
        if suffix in _PROGRAM_SUFFIXES:
            raise self._executable(name)
        if suffix not in _DATA_SUFFIXES:
            raise self._unsafe(f"a bundle holds only {', '.join(sorted(_DATA_SUFFIXES))} files", name)

    def _check_header(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        if info.flag_bits & 0x2041:  # encryption: traditional, strong, or of the directory
            raise self._unsafe("the member is encrypted", name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._unsafe(f"the member is packed by method {info.compress_type}; stored or deflate is read", name)
        self._check_extra(info.extra, name)
        if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
            raise self._unsafe("the stored member has two lengths", name)
        if info.file_size > 1_000_000 and info.file_size > MAX_RATIO * max(1, info.compress_size):
            raise self._unsafe(f"the member unpacks to more than {MAX_RATIO} times its size", name)

    def _check_extra(self, extra: bytes, name: str) -> None:
        position = 0
        while position < len(extra):
            kind, length = struct.unpack_from("<2H", extra, position) if position + 4 <= len(extra) else (0, 0)
            position += 4 + length
            if kind not in _EXTRA_FIELDS or position > len(extra):
                raise self._unsafe(f"the member has the extra field {kind:#06x}, which readers treat differently", name)

    def _check_layout(self, data: bytes, infos: list[zipfile.ZipInfo]) -> None:
        """Local headers say what the directory says, and stand one behind the other from byte 0."""
        position = 0
        for info in sorted(infos, key=lambda i: i.header_offset):
            start = info.header_offset
            if start != position or start + 30 > len(data) or data[start : start + 4] != b"PK\x03\x04":
                raise self._unsafe("members overlap, or there are bytes between them", info.filename)
            _, flags, method, _, _, crc, packed, size, name_length, extra_length = struct.unpack(
                "<5H3L2H", data[start + 4 : start + 30]
            )
            local_name = data[start + 30 : start + 30 + name_length]
            encoded = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437", "replace")
            streamed = bool(flags & 0x08)
            told = (crc, packed, size)
            meant = (info.CRC, info.compress_size, info.file_size)
            if (
                local_name != encoded
                or method != info.compress_type
                or (flags ^ info.flag_bits) & ~0x6
                or (told != meant and not (streamed and told == (0, 0, 0)))
            ):
                raise self._unsafe("the member's own header contradicts the directory", info.filename)
            extra = start + 30 + name_length
            self._check_extra(data[extra : extra + extra_length], info.filename)
            position = start + 30 + name_length + extra_length + info.compress_size
            if streamed:
                descriptor = struct.pack("<3L", *meant)
                if data[position : position + 16] == b"PK\x07\x08" + descriptor:
                    position += 16
                elif data[position : position + 12] == descriptor:
                    position += 12
                else:
                    raise self._unsafe("the member's trailing record contradicts the directory", info.filename)
        if position != self._zip.start_dir:
            raise self._unsafe("there are bytes between the members and the directory")
