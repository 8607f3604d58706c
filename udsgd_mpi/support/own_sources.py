"""The source files of what users bring."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import resolve_name
from itertools import accumulate
from pathlib import Path
from types import ModuleType

_INSTALLED = ("site-packages", "dist-packages")


def sources_of(module: ModuleType) -> dict[str, Path]:
    """Files of a module and of those that it imports from beside it, by name.

    What is imported under a name that only a running program knows is not found, nor are installed
    packages: of a module that is itself in one, that package's files are.
    """
    file = getattr(module, "__file__", None)
    if file is None:
        return {}
    path = Path(file)
    package = path.name == "__init__.py"
    folder = path.parents[module.__name__.count(".") + package]
    own = module.__name__.partition(".")[0]
    found: dict[str, Path] = {}

    def visit(name: str, path: Path) -> None:
        found[path.relative_to(folder).as_posix()] = path
        for imported in _imports(name, path):
            if folder.name in _INSTALLED and imported.partition(".")[0] != own:
                continue
            beside = folder.joinpath(*imported.split("."))
            for source in (beside.with_suffix(".py"), beside / "__init__.py"):
                if source.is_file() and source not in found.values():
                    visit(imported, source)

    visit(module.__name__, path)
    return found


def _imports(module: str, path: Path) -> Iterator[str]:
    """Full names of all that a source file imports, and of the packages that these are in."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            try:
                base = resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:  # beyond the outermost package, so Python can't import it either
                continue
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from accumulate(name.split("."), "{}.{}".format)


def _parsed(path: Path) -> ast.AST:
    """The syntax of a source file; of nothing where it is none, or was never imported."""
    if path.suffix == ".py":
        with suppress(SyntaxError, ValueError):
            return ast.parse(path.read_bytes())
    return ast.Module([], [])
