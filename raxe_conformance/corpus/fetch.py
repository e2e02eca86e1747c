"""Corpus files into a folder, from a local mirror or from upstream, each held to its SHA-256.

Nothing is fetched unless a caller asks for that file. With a mirror, nothing is read from the network. An interrupted
download goes on where it stopped; a file with other bytes is an error and leaves nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from raxe_conformance.corpus.index import INDEX, MIRROR, CorpusError, CorpusMissingError
from raxe_conformance.corpus.manifest import Corpora, CorpusFile, Source, index_lines
from raxe_conformance.fileio import digest_file, read_bounded, sha256, write_atomically

EXTRA: Final = "pip install 'raxe-conformance[corpora]'"
NO_MIRROR: Final = f"name a local copy: --mirror DIR or {MIRROR}"
_PARTS: Final = ".parts"
_PIECE: Final = 1 << 16
_TIMEOUT_S: Final = (10, 60)

Advance = Callable[[int], None]
State = Literal["ok", "missing", "wrong"]


def state_of(folder: Path, source: Source, file: CorpusFile) -> State:
    """Whether the folder holds the file, with its bytes."""
    path = folder / source.name / file.file
    if not path.is_file():
        return "missing"
    return "ok" if digest_file(path, file.file).sha256 == file.sha256 else "wrong"


def only_in_mirrors(corpora: Corpora, source: Source) -> bool:
    """Whether no file of the source can be fetched from upstream."""
    return all(corpora.url_of(source, file) is None for file in source.files)


def fetch_file(
    corpora: Corpora,
    source: Source,
    file: CorpusFile,
    folder: Path,
    *,
    mirror: Path | None = None,
    advance: Advance = lambda count: None,
) -> Literal["there", "mirror", "upstream"]:
    """Put one file into the folder. Says where it came from. `advance` is told of bytes as they come.

    Raises CorpusMissingError where neither mirror nor upstream has the file, CorpusError where its bytes are others or
    the way there is broken.
    """
    target = folder / source.name / file.file
    if state_of(folder, source, file) == "ok":
        advance(file.bytes)
        return "there"
    try:
        # A damaged file must not stay, whatever becomes of the attempt to replace it.
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if mirror is not None:
            _copy(mirror / source.name / file.file, target, file)
            advance(file.bytes)
            return "mirror"
        url = corpora.url_of(source, file)
        if url is None:
            why = "was re-written: no repository has it" if source.upstream == "derived" else "has no recorded path"
            raise CorpusMissingError(f"{source.name}/{file.file} {why}", file=corpora.path, remedy=NO_MIRROR)
        _download(url, target, file, folder / _PARTS, advance)
    except OSError as error:
        raise CorpusError(f"cannot be written: {error.strerror}", file=target, remedy="make room there") from None
    return "upstream"


def write_index(corpora: Corpora, folder: Path) -> Path:
    """Put the index.jsonl of the whole manifest into the folder, which makes it a data directory."""
    path = folder / INDEX
    write_atomically(path, index_lines(corpora))
    return path


def _copy(origin: Path, target: Path, file: CorpusFile) -> None:
    if not origin.is_file():
        raise CorpusMissingError("is not in the mirror", file=origin, remedy="complete the mirror, or name another")
    data = read_bounded(origin, file.bytes, what="the mirror's file")
    if (digest := sha256(data)) != file.sha256:
        raise _other_bytes(digest, file, str(origin))
    write_atomically(target, data)


def _other_bytes(found: str, file: CorpusFile, where: str) -> CorpusError:
    return CorpusError(
        f"has the SHA-256 {found[:12]}…, but the manifest says {file.sha256[:12]}…", file=where,
        remedy="it is another version or was altered: do not use it",
    )  # fmt: skip


def _download(url: str, target: Path, file: CorpusFile, parts: Path, advance: Advance) -> None:
    """Through pooch, which moves a file into place only when it has the known hash."""
    try:
        import pooch
    except ImportError:
        raise CorpusMissingError("fetching needs pooch", file=url, remedy=f"{EXTRA}, or {NO_MIRROR}") from None
    from filelock import FileLock

    pooch.get_logger().setLevel("ERROR")
    parts.mkdir(parents=True, exist_ok=True)
    part = parts / file.sha256
    lock = parts / f"{file.sha256}.lock"
    try:
        with FileLock(lock):
            pooch.retrieve(
                url, known_hash=f"sha256:{file.sha256}", fname=target.name, path=target.parent,
                downloader=_Resuming(part, file.bytes, advance),
            )  # fmt: skip
    except ValueError as error:
        # pooch words a wrong hash so, and has removed the file.
        if "hash" not in str(error).lower():
            raise
        raise CorpusError(
            f"is not the file with the SHA-256 {file.sha256[:12]}…", file=url,
            remedy=f"upstream has another file there: do not use it; {NO_MIRROR}",
        ) from None  # fmt: skip
    finally:
        lock.unlink(missing_ok=True)
        for empty in (parts, target.parent):
            if not any(empty.iterdir()):
                empty.rmdir()


class _Resuming:
    """A downloader for pooch that keeps what it has when the connection breaks, and goes on from there."""

    def __init__(self, part: Path, size: int, advance: Advance) -> None:
        self._part, self._size, self._advance = part, size, advance

    def __call__(self, url: str, output_file: str, _pooch: Any) -> None:
        import requests

        try:
            self._complete(url)
        except requests.RequestException as error:
            if not self._have():
                raise CorpusMissingError(
                    f"cannot be reached ({type(error).__name__})", file=url, remedy=NO_MIRROR
                ) from None
            raise CorpusError(
                f"was interrupted after {self._have()} of {self._size} bytes ({type(error).__name__})", file=url,
                remedy="run the command again: it goes on where it stopped",
            ) from None  # fmt: skip
        shutil.move(self._part, output_file)

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _complete(self, url: str) -> None:
        import requests

        start = self._have()
        if start > self._size:
            self._part.unlink()
            start = 0
        self._advance(start)
        if start == self._size and start:
            return
        # Without compression, so that a position in the stream is a position in the file.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self._part.unlink(missing_ok=True)
            if not answer.ok:
                raise CorpusMissingError(
                    f"upstream says {answer.status_code} {answer.reason}", file=url, remedy=NO_MIRROR
                )
            span = answer.headers.get("Content-Range", "")
            resumed = answer.status_code == requests.codes.partial_content and span.startswith(f"bytes {start}-")
            if not resumed:
                self._advance(-start)
                start = 0
            length = answer.headers.get("Content-Length")
            if length is not None and length.isdecimal() and start + int(length) != self._size:
                raise self._another(url, f"has {start + int(length)} bytes")
            self._write(url, answer, append=resumed)
        if self._have() < self._size:
            raise CorpusError(
                f"ended after {self._have()} of {self._size} bytes", file=url,
                remedy="run the command again: it goes on where it stopped",
            )  # fmt: skip

    def _write(self, url: str, answer: Any, *, append: bool) -> None:
        with self._part.open("ab" if append else "wb") as handle:
            for piece in answer.iter_content(_PIECE):
                handle.write(piece)
                self._advance(len(piece))
                if handle.tell() > self._size:
                    break
        if self._have() > self._size:
            raise self._another(url, f"has at least {self._have()} bytes")

    def _another(self, url: str, problem: str) -> CorpusError:
        self._part.unlink(missing_ok=True)
        return CorpusError(
            f"{problem}, but the manifest says {self._size}", file=url,
            remedy=f"upstream has another file there: do not use it; {NO_MIRROR}",
        )  # fmt: skip
