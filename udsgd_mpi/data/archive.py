"""Well-known files by name: fetched once and cached, or taken from a user's folder."""

import bz2
import gzip
import hashlib
import logging
import os
import zlib
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.users_folders import cache_root

_log = logging.getLogger(__name__)

_LIBSVM = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary/"
_SNAP = "https://snap.stanford.edu/data/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

_DAMAGED = (BadZipFile, EOFError, zlib.error)  # of a zip archive


class Remote(NamedTuple):
    """A file and the folder of the web where it lies.

    Attributes
    ----------
    sha256
        Of the unpacked content, where it is known; mirrors may compress it differently.
    as_it_is
        Whether ``sha256`` is of the file instead, as published.
    group
        The folder of the set that it belongs to, in the cache and in the user's folder, there also
        below ``deployments``.
    archive
        The zip archive in ``folder`` that holds it, where it does not lie there by itself.
    member
        Its path in the archive.
    """

    name: str
    folder: str
    sha256: str | None = None
    as_it_is: bool = False
    group: str = ""
    archive: str = ""
    member: str = ""


DATA_SETS = {
    "a9a": Remote("a9a", _LIBSVM),
    "cifar10": Remote(
        "cifar-10-python.tar.gz",
        _CIFAR,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        as_it_is=True,
    ),
    "cod-rna": Remote("cod-rna", _LIBSVM),
    "covtype": Remote("covtype.libsvm.binary.scale.bz2", _LIBSVM),
    "ijcnn1": Remote(
        "ijcnn1.bz2", _LIBSVM, "16506cad788cf7c9607454150ed1994788204bac2ff4c9cb3b320036b6950d3f"
    ),
    "mnist": Remote(
        "mnist.npz",
        _KERAS,
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        as_it_is=True,
    ),
    "mushrooms": Remote("mushrooms", _LIBSVM),
    "phishing": Remote("phishing", _LIBSVM),
    "w8a": Remote("w8a", _LIBSVM),
}
GRAPHS = {
    "ego-facebook": Remote(
        "facebook_combined.txt.gz",
        _SNAP,
        "f41c026ed8af3cc3359f1ca5573d0605fb09ae0eefa34544b820fd8c6e2ef296",
    ),
    "wiki-vote": Remote(
        "wiki-Vote.txt.gz",
        _SNAP,
        "8492e81933d9df9a8370dc40c83c7f5e6dbad131f23d78ac9cb4b34e378a07dc",
    ),
}


def fetch(remote: Remote) -> Path:
    """Path of a file here, downloaded where it is not here yet.

    ``UDSGD_DATA`` names a folder that is looked into first, or the address of a mirror.

    Raises
    ------
    ConfigurationError
        If it is not here and can't be downloaded; says which file to put where.
    """
    place = os.environ.get("UDSGD_DATA", "")
    is_mirror = "://" in place
    if place and not is_mirror:
        own = own_copy(remote, Path(place))
        if own is not None:
            return own
    root = cache_root()
    if root is None:
        raise ConfigurationError(
            f"{remote.name}: expected it in UDSGD_DATA, or a home directory to keep it in, got"
            " neither; set UDSGD_DATA to the folder that holds it, or XDG_CACHE_HOME to one for it"
        )
    import pooch

    cache = root / "udsgd_mpi" / "data" / remote.group
    if is_mirror:  # laid out as a user's folder
        places = [place.rstrip("/"), *([remote.group] if remote.group else [])]
        remote = remote._replace(folder="/".join([*places, ""]), archive="")
    loaded = remote.archive or remote.name
    address = remote.folder + loaded
    pooch.get_logger().setLevel("WARNING")
    try:
        is_new = not (cache / remote.name).exists()
        unpack = pooch.Unzip([remote.member], extract_dir=".") if remote.archive else None
        pooch.retrieve(address, None, fname=loaded, path=cache, processor=unpack)
    except (OSError, ValueError, *_DAMAGED) as error:  # what requests raises is an OSError
        if isinstance(error, _DAMAGED):
            (cache / loaded).unlink(missing_ok=True)
        raise ConfigurationError(
            f"{remote.name}: expected it in {place if place and not is_mirror else cache}, or to"
            f" download it from {address}, got {type(error).__name__}; put the file there by hand,"
            " or set UDSGD_DATA to the folder that holds it"
        ) from error
    file = cache / (remote.member if remote.archive else remote.name)
    _check(file, remote, cache / loaded)
    if is_new and remote.sha256 is None:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        _log.warning(
            "%s: downloaded from %s; no checksum of it is known here, so compare SHA-256 %s with a"
            " copy that you trust",
            remote.name,
            address,
            digest,
        )
    return file


def own_copy(remote: Remote, folder: Path) -> Path | None:
    """The file in a user's folder, as it is or packed; None where it is not there."""
    places = [folder / remote.group]
    places += [folder / "deployments" / remote.group] * bool(remote.group)
    files = [place / name for place in places for name in (remote.name, f"{remote.name}.gz")]
    return next((file for file in files if file.is_file()), None)


def _check(file: Path, remote: Remote, loaded: Path) -> None:
    if remote.sha256 is None:
        return
    suffix = "" if remote.as_it_is else file.suffix
    unpack = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(suffix, bytes)
    try:
        found = hashlib.sha256(unpack(file.read_bytes())).hexdigest()
    except (OSError, EOFError, ValueError):
        found = "something that can't be unpacked"
    if found != remote.sha256:
        for each in {file, loaded}:
            each.unlink(missing_ok=True)
        raise ConfigurationError(
            f"{remote.name}: expected content with SHA-256 {remote.sha256} from the download, got"
            f" {found}; set UDSGD_DATA to a folder or a mirror that holds the right file"
        )
