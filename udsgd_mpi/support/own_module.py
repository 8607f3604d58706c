"""Modules of a user's own, by name or by file."""

import sys
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from udsgd_mpi.support.input_file import FileVersion


def own_module(name: str) -> ModuleType | None:
    """The module of a name or of a file ``….py``; None if there is none.

    A file is loaded from where it lies, so that files of one name in two folders are two modules,
    and again where it has changed, as in a notebook beside which it is edited.
    What lies beside it can be imported from it.
    """
    if name.endswith(".py"):
        file = Path(name).resolve()
        return _of_file(file, FileVersion.of(file)) if file.is_file() else None
    try:
        there = find_spec(name)
    except ModuleNotFoundError as error:  # of a package that it would be in
        if error.name is None or not name.startswith(f"{error.name}."):
            raise
        return None
    return import_module(name) if there else None


@cache
def _of_file(file: Path, _version: FileVersion) -> ModuleType:
    root, parts = file.parent, [] if file.stem == "__init__" else [file.stem]
    while (root / "__init__.py").exists():
        parts.insert(0, root.name)
        root = root.parent
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    if root != file.parent:
        return _in_package(".".join(parts), file)
    # A name of its own, since dataclasses and pickles look modules up by it.
    name = f"{file.stem}_{sha256(bytes(file)).hexdigest()[:12]}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _in_package(name: str, file: Path) -> ModuleType:
    module = import_module(name)
    if Path(module.__file__ or "").resolve() != file:
        raise ImportError(
            f"expected {name} in {file}, got the one in {module.__file__}; rename one of the"
            " packages"
        )
    return module
