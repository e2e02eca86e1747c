"""Finding what MODULE:OBJECT names in somebody else's code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from raxe_conformance.errors import UsageError, one_line


def find_callable(name: str, folder: Path, *, option: str, kind: str, example: str, takes: str) -> Callable[..., Any]:
    """What `option` names as MODULE:OBJECT or MODULE:OBJECT.ATTRIBUTE. `folder` is looked in for the module, too.

    kind: "function" or alike; example: a name of the right form; takes: what it is called with. The module is imported
    here. Raises UsageError.
    """
    where, form = f"{option} {name}", f"name it as MODULE:{kind.upper()}, such as {example}"
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise UsageError(f"is no MODULE:{kind.upper()}", field=where, remedy=form)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # what a foreign module raises when it is imported may be anything
        raise UsageError(
            f"the module {module_name} cannot be imported: {type(error).__name__}: {one_line(error, 200)}",
            field=where, remedy=f"mend or install it, or put it in {folder}",
        ) from error  # fmt: skip
    try:
        found = reduce(getattr, path.split("."), module)
    except AttributeError:
        raise UsageError(f"the module {module_name} has no {path}", field=where, remedy=form) from None
    if not callable(found):
        raise UsageError(
            f"{path} is a {type(found).__name__} and cannot be called",
            field=where, remedy=f"name a {kind} that takes {takes}",
        )  # fmt: skip
    return found
