"""Signatures: what a policy asks for is there and is of these very files, or the package is not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta_tests.deploy.support import FakeClock, calm
from meta_tests.support.toy import MODEL_ID
from raxe_conformance.deploy.landing import land
from raxe_conformance.deploy.package import SIGNATURE, Package
from raxe_conformance.deploy.signing import Policy, read_policy, require_signed, sign_package
from raxe_conformance.deploy.stages import to_production, to_staging
from raxe_conformance.errors import DeploymentError, MissingFileError, StateError

POLICY = 'require_signature = true\npublic_key = "release.pub"\n'


def key_pair(folder: Path, name: str) -> Path:
    """A private key in PEM, its public key beside it; gives the private one."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    pytest.importorskip("model_signing", reason="the extra deploy is not installed")
    return key_pair(tmp_path, "release")


@pytest.fixture
def strict(target: Path, key: Path) -> Path:
    """A target folder whose policy asks for a signature by the key."""
    (target / "policy.toml").write_text(POLICY, encoding="utf-8")
    (target / "release.pub").write_bytes(key.with_suffix(".pub").read_bytes())
    return target


def test_a_signed_package_is_used_and_an_unsigned_one_is_not(strict: Path, package: Package, key: Path) -> None:
    with pytest.raises(DeploymentError, match="is not signed, but the target's policy asks for it"):
        land(package, strict, calm)
    folder = land(package, strict, calm, key)
    assert (folder / SIGNATURE).is_file()
    to_staging(strict, MODEL_ID, package.digest, "", clock=FakeClock())
    to_production(strict, MODEL_ID, 10, clock=FakeClock())
    # It is signed now: no key is needed to deploy it again.
    assert land(package, strict, calm) == folder
    (folder / SIGNATURE).unlink()
    with pytest.raises(DeploymentError, match="is not signed"):
        to_production(strict, MODEL_ID, 50, force=True, why="even so", clock=FakeClock())


def test_a_new_package_is_signed_where_it_lands(package: Package, key: Path, tmp_path: Path) -> None:
    target = tmp_path / "new"
    target.mkdir()
    (target / "policy.toml").write_text(POLICY, encoding="utf-8")
    (target / "release.pub").write_bytes(key.with_suffix(".pub").read_bytes())
    folder = land(package, target, calm, key)
    require_signed(folder, read_policy(target))


def test_every_file_is_covered(strict: Path, package: Package, key: Path) -> None:
    folder, policy = land(package, strict, calm, key), read_policy(strict)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(DeploymentError, match=r"is not a signature of this package by release.pub"):
            require_signed(folder, policy)
        path.write_bytes(whole)
    require_signed(folder, policy)
    for name in (".gitignore", "extra.txt"):
        (folder / name).write_text("more", encoding="utf-8")
        with pytest.raises(DeploymentError, match="is not a signature of this package"):
            require_signed(folder, policy)
        (folder / name).unlink()


def test_a_signature_by_another_key_or_of_another_package_is_refused(
    strict: Path, package: Package, package2: Package, key: Path, tmp_path: Path
) -> None:
    policy = read_policy(strict)
    folder = strict / "packages" / package.name
    sign_package(folder, key_pair(tmp_path, "other"))
    with pytest.raises(DeploymentError, match="Key mismatch"):
        require_signed(folder, policy)
    second = strict / "packages" / package2.name
    sign_package(second, key)
    (folder / SIGNATURE).write_bytes((second / SIGNATURE).read_bytes())
    with pytest.raises(DeploymentError, match="Signature mismatch"):
        require_signed(folder, policy)


@pytest.mark.parametrize("data", [b"", b"{}", b"no JSON", b'{"mediaType": 5}'])
def test_what_is_no_signature_is_refused(data: bytes, strict: Path, package: Package) -> None:
    folder = strict / "packages" / package.name
    (folder / SIGNATURE).write_bytes(data)
    with pytest.raises(DeploymentError, match="is not a signature of this package"):
        require_signed(folder, read_policy(strict))


def test_a_key_that_is_none_is_named(target: Path, package: Package, key: Path) -> None:
    folder = target / "packages" / package.name
    for bad in (key.with_suffix(".pub"), target / "nowhere.pem"):
        with pytest.raises(DeploymentError, match=rf"{bad.name}: cannot sign with it"):
            sign_package(folder, bad)
    assert not (folder / SIGNATURE).exists()


def test_a_public_key_that_is_missing_is_named(strict: Path, package: Package, key: Path) -> None:
    folder = land(package, strict, calm, key)
    (strict / "release.pub").unlink()
    with pytest.raises(MissingFileError, match=r"release.pub: the public key does not exist"):
        require_signed(folder, read_policy(strict))


def test_a_signature_is_verified_even_where_none_is_asked_for(strict: Path, package: Package, key: Path) -> None:
    (strict / "policy.toml").write_text(POLICY.replace("true", "false"), encoding="utf-8")
    folder = land(package, strict, calm)
    require_signed(folder, read_policy(strict))
    (folder / SIGNATURE).write_bytes(b"{}")
    with pytest.raises(DeploymentError, match="is not a signature of this package"):
        require_signed(folder, read_policy(strict))


def test_without_a_policy_nothing_is_asked_for(target: Path, package: Package) -> None:
    assert read_policy(target) == Policy(False, None)
    require_signed(target / "packages" / package.name, read_policy(target))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("require_signature = ", "is no TOML"),
        ("", "require_signature: is None, but should be true or false"),
        ('require_signature = "yes"', "require_signature: is 'yes'"),
        ("require_signature = true", "public_key: is missing"),
        ("require_signature = true\npublic_key = 5", "public_key: is no file's name"),
        ('require_signature = true\npublic_key = ""', "public_key"),
        ("require_signature = false\nrequire_signatures = true", "require_signatures: is no setting of a policy"),
    ],
)
def test_a_policy_that_cannot_be_believed_stops_everything(
    text: str, message: str, target: Path, package: Package
) -> None:
    (target / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StateError, match=message):
        read_policy(target)
    with pytest.raises(StateError, match=message):
        land(package, target, calm)
