"""Which format of images a source has, recognised by its content."""

import tarfile
import zipfile
import zlib
from functools import lru_cache
from lzma import LZMAError
from pathlib import Path

from udsgd_mpi.data.images import arrays, by_class, cifar, idx
from udsgd_mpi.data.images.container import Container, Zip, opened, version
from udsgd_mpi.data.images.pixels import ImageSet, NotImages
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import FileVersion

_OF_MANY_FILES = (cifar, idx)  # others are image files by class


def read(path: Path) -> ImageSet | None:
    """The images of a source; None where it is a file of another kind, such as LIBSVM text.

    Raises
    ------
    ConfigurationError
        If it is of images, or a folder, tar or zip file, and can't be used; says what was expected
        and what was found.
    """
    try:
        return _read(path, version(path))
    except NotImages as error:
        raise ConfigurationError(f"data {path}: {error}") from error
    except (EOFError, zlib.error, LZMAError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ConfigurationError(
            f"data {path}: expected a complete file, got: {error}; get it again"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"data {path}: cannot be read ({error.strerror or error})"
        ) from error


@lru_cache(maxsize=1)
def _read(path: Path, _version: tuple[FileVersion, ...]) -> ImageSet | None:
    container = opened(path)
    if container is None:
        return None
    if _is_npz(container):
        found = arrays.read(path)
    else:
        reader = next((r for r in _OF_MANY_FILES if r.is_of_it(container)), by_class)
        found = reader.read(container)
    if len(found.classes) < 2 or found.training.pixels.size == 0:
        raise NotImages(
            f"expected images of two classes or more, got {len(found.training.labels):,} images of"
            f" {len(found.classes)}; add others"
        )
    return found


def _is_npz(container: Container) -> bool:
    of_arrays = all(name.endswith(".npy") for name in container.names)
    return isinstance(container, Zip) and bool(container.names) and of_arrays
