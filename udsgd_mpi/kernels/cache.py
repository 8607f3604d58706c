"""Where compiled kernels lie: one folder for all installations of the same sources."""

import hashlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numba
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name
from numba import config

from udsgd_mpi.support.users_folders import cache_root, is_private, make_private

_log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parent.parent
_LOCATORS = "CACHE_LOCATOR_CLASSES"  # a setting that older versions of Numba lack


@cache
def trusted_cache() -> Path | None:
    """The folder of compiled kernels, made where it is missing; None without one that is private.

    What lies in it is run, so no other user may be able to put anything there. In one that
    NUMBA_CACHE_DIR names each version of the sources has a folder of its own.
    """
    folder = cache_folder()
    if folder is None:
        return None
    with suppress(OSError):  # as where a home is read-only
        make_private(folder)
    if not folder.exists():
        return None
    if is_private(folder):
        return folder / _digest()[:16] if config.CACHE_DIR else folder
    _log.warning(
        "%s: not used, as other users can write to it, so every process compiles its kernels"
        " again; remove the folder, or set NUMBA_CACHE_DIR to one of your own",
        folder,
    )
    return None


@cache
def cache_folder() -> Path | None:
    """Where this user's kernels of these sources are; None without a home.

    NUMBA_CACHE_DIR names another folder.
    """
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR).resolve()
    root = cache_root()
    return root and root / "udsgd_mpi" / _digest()[:16]


@cache
def _digest() -> str:
    """A digest of all that kernels are compiled from, by and for.

    Nodes with other processors may have the same home.
    """
    name, features = config.CPU_NAME, config.CPU_FEATURES  # where a user wants others
    if features is None:
        features = get_host_cpu_features().flatten()
    processor = name or get_host_cpu_name(), features
    compiler = numba.__version__, sys.implementation.cache_tag
    place = "" if hasattr(config, _LOCATORS) else str(_PACKAGE)
    digest = hashlib.sha256(repr((compiler, processor, place)).encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        source = path.read_bytes()
        if b"compiled" in source or b"numba" in source:
            digest.update(source)
    return digest.hexdigest()


class OfSources:
    """Tells Numba where a kernel of the package lies, and by what it is known to be up to date.

    By itself Numba tells kernels apart by the path of their file, and watches its time, but not the
    files of the functions in it. It asks for these names.
    """

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file = file
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "OfSources | None":
        """None where the function is a user's, or nothing can be written."""
        if not Path(file).is_relative_to(_PACKAGE):
            return None
        found = cls(function, file)
        try:
            found.ensure_cache_path()
        except OSError:
            return None
        return found

    def ensure_cache_path(self) -> None:
        """Make its folder, and see that files can be made in it."""
        folder = self.get_cache_path()
        Path(folder).mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()

    def get_cache_path(self) -> str:
        """Its folder, which has the name of that of its source."""
        return str(Path(config.CACHE_DIR) / Path(self._py_file).relative_to(_PACKAGE).parent)

    def get_source_stamp(self) -> str:
        """What is compared with that of a compiled kernel."""
        return _digest()

    def get_disambiguator(self) -> str:
        """What tells it from functions of the same name in the same file."""
        return str(self._line)


@contextmanager
def numba_caches_in(folder: Path | None) -> Iterator[None]:
    """Let Numba keep there what it compiles; these are settings of the whole process.

    Older versions of Numba keep to paths of files.
    """
    settings = {
        "CACHE_DIR": str(folder or ""),
        _LOCATORS: f"{__name__}.{OfSources.__name__},UserProvidedCacheLocator",
    }
    before = {name: getattr(config, name) for name in settings if hasattr(config, name)}
    for name in before:
        setattr(config, name, settings[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)
