"""A copy at any place that fsspec reaches, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raxe_conformance.deploy.copying import copy_package
from raxe_conformance.deploy.package import Package, verify_package
from raxe_conformance.errors import DeploymentError

fsspec: Any = pytest.importorskip("fsspec", reason="the extra deploy is not installed")


@pytest.fixture
def folder(target: Path, package: Package) -> Path:
    return target / "packages" / package.name


def test_a_folder_by_url(folder: Path, package: Package, tmp_path: Path) -> None:
    place = copy_package(folder, f"file://{tmp_path}/mirror/models/")
    assert place == f"file://{tmp_path}/mirror/models/{package.name}"
    verify_package(tmp_path / "mirror" / "models" / package.name, package.digest)


def test_memory(folder: Path, package: Package, tmp_path: Path) -> None:
    place = copy_package(folder, "memory://mirror")
    fsspec.filesystem("memory").get(f"/mirror/{package.name}/", f"{tmp_path}/back/", recursive=True)
    assert place == f"memory://mirror/{package.name}"
    verify_package(tmp_path / "back", package.digest)


def test_bytes_that_come_back_otherwise_are_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type(fsspec.filesystem("memory"))
    put = memory.put_file

    def lossy(self: Any, local: str, remote: str, **named: Any) -> None:
        put(self, local, remote, **named)
        if remote.endswith(".onnx"):
            self.store[remote].seek(0)
            self.store[remote].write(b"?")

    monkeypatch.setattr(memory, "put_file", lossy)
    with pytest.raises(DeploymentError, match=r"memory://lossy/.*\.onnx: gives back other bytes"):
        copy_package(folder, "memory://lossy")


@pytest.mark.parametrize("url", ["nosuch://bucket/models", "file:///proc/nowhere"])
def test_a_place_that_cannot_be_used_is_named(url: str, folder: Path) -> None:
    with pytest.raises(DeploymentError, match=f"{url}: cannot be (copied to|reached)"):
        copy_package(folder, url)
