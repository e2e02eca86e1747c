"""Signatures of packages by OpenSSF model signing with a key of one's own (extra `deploy`); nothing is asked of a net.

A target's policy.toml says whether a package must be signed, and by whom:

require_signature = true
public_key = "release.pub"   # PEM, from the target folder
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.deploy.package import SIGNATURE
from raxe_conformance.errors import DeploymentError, MissingFileError, RaxeError, StateError, one_line
from raxe_conformance.fileio import is_file, read_bounded, write_atomically

POLICY = "policy.toml"
_MOST_BYTES = 100_000
_MOST_SIGNATURE_BYTES = 10_000_000


@dataclass(frozen=True)
class Policy:
    """What a target asks of packages. public_key: the file that signatures are verified with, None without one."""

    require_signature: bool = False
    public_key: Path | None = None


def read_policy(target: Path) -> Policy:
    """A target's policy; nothing is asked for where it has no file. Raises StateError that names the field."""
    path = target / POLICY
    try:
        value = tomllib.loads(read_bounded(path, _MOST_BYTES, what="the policy").decode("utf-8"))
    except MissingFileError:
        return Policy()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StateError(f"is no TOML: {error}", file=path) from None
    for name in sorted(value.keys() - {"require_signature", "public_key"}):
        raise StateError("is no setting of a policy", file=path, field=name, remedy="remove it")
    required, key = value.get("require_signature"), value.get("public_key")
    if not isinstance(required, bool):
        raise StateError(f"is {required!r}, but should be true or false", file=path, field="require_signature")
    if not isinstance(key, str | None) or (required and not key):
        problem = "is no file's name" if key is not None else "is missing"
        raise StateError(problem, file=path, field="public_key", remedy="name the PEM file of the public key")
    return Policy(required, None if key is None else target / key)


def sign_package(folder: Path, private_key: Path) -> None:
    """Sign all files of a package with an elliptic-curve key (PEM; P-256, P-384 or P-521) into its package.sig.

    Raises DeploymentError where the key cannot be used or the extra is not installed.
    """
    from_library = _library()
    with tempfile.TemporaryDirectory() as scratch:
        aside = Path(scratch) / SIGNATURE
        _told(
            lambda: (
                from_library.signing.Config()
                .use_elliptic_key_signer(private_key=private_key)
                .set_hashing_config(_hashing(from_library))
                .sign(folder, aside)
            ),
            private_key,
            "cannot sign with it",
            "name an elliptic-curve private key in PEM",
        )
        write_atomically(folder / SIGNATURE, aside.read_bytes())


def require_signed(folder: Path, policy: Policy) -> None:
    """Raise DeploymentError where a policy asks for a signature that a package does not have, or not by that key.

    Where the policy names a key but asks for no signature, a package that has one is verified all the same.
    """
    signature = folder / SIGNATURE
    if not is_file(signature):
        if policy.require_signature:
            raise DeploymentError(
                "is not signed, but the target's policy asks for it", file=folder,
                remedy="deploy it with --sign-with KEY",
            )  # fmt: skip
        return
    if policy.public_key is None:
        return
    key = policy.public_key
    read_bounded(key, _MOST_BYTES, what="the public key")
    read_bounded(signature, _MOST_SIGNATURE_BYTES, what="the signature", within=folder)
    library = _library()
    _told(
        lambda: (
            library.verifying.Config()
            .use_elliptic_key_verifier(public_key=key)
            .set_hashing_config(_hashing(library))
            .verify(folder, signature)
        ),
        signature,
        f"is not a signature of this package by {key.name}",
        "sign it with the key that the policy names",
    )


def _hashing(library: Any) -> Any:
    # Without this, names that begin with .git would be left out of the signature.
    return library.hashing.Config().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)


def _library() -> Any:
    try:
        import model_signing
        import model_signing.hashing
        import model_signing.signing
        import model_signing.verifying
    except ImportError as error:
        raise DeploymentError(
            f"model-signing cannot be used: {error}", remedy="run: pip install 'raxe-conformance[deploy]'"
        ) from None
    return model_signing


def _told(call: Callable[[], Any], file: Path, problem: str, remedy: str) -> None:
    try:
        call()
    except RaxeError:
        raise
    except Exception as error:  # noqa: BLE001  whatever the library raises for a key or a signature that is none
        reason = one_line(str(error) or type(error).__name__, 200)
        raise DeploymentError(f"{problem}: {reason}", file=file, remedy=remedy) from None
