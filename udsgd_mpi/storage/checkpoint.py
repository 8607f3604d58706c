"""Checkpoints: all that a variant needs to continue from a step as if never stopped.

A checkpoint is an ``.npz`` file, an archive of arrays that NumPy can open, whose comment is a seal:
a checksum of all its bytes.
"""

import json
import lzma
import struct
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.storage.seal import BLANK, SealedFile, is_whole
from udsgd_mpi.support.atomic_file import replacing, target_of
from udsgd_mpi.support.digests import Digests
from udsgd_mpi.support.errors import ConfigurationError, OutputError
from udsgd_mpi.support.input_file import require_regular_file
from udsgd_mpi.support.telemetry import Telemetry

FORMAT = "udsgd_mpi checkpoint"
FORMAT_VERSION = 2
_UNSEALED_VERSION = 1

_HEADER = "checkpoint.json"
_RECORDING, _AGENTS = "recording", "agents"
_BYTES_OF_FIRST_NAME = 64
# What zipfile, JSON and msgspec raise where a file without a seal was damaged.
_DAMAGE = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError, lzma.LZMAError, struct.error, zipfile.BadZipFile, zlib.error),
)

State = Mapping[str, NDArray[Any]]


def checkpoint_folder(output: Path) -> Path:
    """Where the checkpoints of a result file are; a link has those of what it leads to."""
    target = target_of(output)
    return target.with_name(f"{target.name}.checkpoints")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk.

    Attributes
    ----------
    n
        Number of updates done.
    configuration
        The variant's settings as TOML.
    telemetry
        What it took to get there.
    digests
        Of what the variant has read; None where an older version wrote the checkpoint.
    """

    path: Path
    n: int
    configuration: str
    telemetry: list[Telemetry]
    digests: Digests | None

    def recording(self) -> dict[str, NDArray[Any]]:
        """The measures so far, by name."""
        return self._arrays(_RECORDING)

    def state(self, agent: int) -> dict[str, NDArray[Any]]:
        """What an agent remembers, by name."""
        return self._arrays(f"{_AGENTS}/{agent}")

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        # Opening it reads the names of all members, which are many where agents are.
        return zipfile.ZipFile(self.path)

    @cached_property
    def _members(self) -> dict[str, list[str]]:
        """Names of members by folder."""
        members = defaultdict(list)
        for name in self._archive.namelist():
            first, _, rest = name.partition("/")
            folder = f"{first}/{rest.partition('/')[0]}" if first == _AGENTS else first
            members[folder].append(name)
        return members

    def _arrays(self, folder: str) -> dict[str, NDArray[Any]]:
        return {
            name.removeprefix(f"{folder}/").removesuffix(".npy"): _read(self._archive, name)
            for name in self._members.get(folder, ())
        }


def write_checkpoint(
    path: Path,
    n: int,
    configuration: str,
    recording: State,
    states: Iterable[State],
    telemetry: Sequence[Telemetry] = (),
    digests: Digests | None = None,
) -> None:
    """Write a checkpoint, and keep the one before it.

    Parameters
    ----------
    states
        What each agent remembers, in agent order; taken one at a time.

    Raises
    ------
    OutputError
        If it can't be written; the earlier ones stay.
    """
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "n": n,
        "configuration": configuration,
        "telemetry": msgspec.to_builtins(telemetry),
        "digests": msgspec.to_builtins(digests),
    }
    with replacing(path, _previous(path)) as file:
        sealed = SealedFile(file)
        with zipfile.ZipFile(sealed, "w") as archive:
            archive.comment = BLANK
            archive.writestr(_HEADER, json.dumps(header))
            _write(archive, _RECORDING, recording)
            for agent, state in enumerate(states):
                _write(archive, f"{_AGENTS}/{agent}", state)
        sealed.seal()


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The newest intact checkpoint of a variant; None where there is no file at all.

    Raises
    ------
    ConfigurationError
        If there are files, and all are damaged.
    """
    reasons = []
    for candidate in (path, _previous(path)):
        if not candidate.exists():
            continue
        require_regular_file(candidate, f"checkpoint {candidate}")
        try:
            return _checked(candidate)
        except _DAMAGE as error:
            reasons.append(f"{candidate}: {error or type(error).__name__}")
    if reasons:
        raise ConfigurationError(
            f"checkpoint {'; '.join(reasons)}: expected an intact file written by udsgd; remove it"
            " to restart this variant"
        )
    return None


def remove_checkpoint(path: Path) -> None:
    """Remove the checkpoints of a variant, and their folder with the last.

    Raises
    ------
    OutputError
        If they can't be removed.
    """
    folder = path.parent
    try:
        for file in (path, _previous(path)):
            file.unlink(missing_ok=True)
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({error.strerror})") from error


def remove_checkpoints(folder: Path, variants: Iterable[str]) -> None:
    """Remove the checkpoints of some variants, and all others in their folder; but no other files.

    Raises
    ------
    OutputError
        If they can't be removed.
    """
    left = [path.stem for path in folder.glob("*.npz") if _is_checkpoint(path)]
    for name in [*variants, *left]:
        remove_checkpoint(folder / f"{name}.npz")


def _is_checkpoint(path: Path) -> bool:
    """Whether a file begins like one, whole or damaged."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _HEADER.encode() in file.read(_BYTES_OF_FIRST_NAME)


def _checked(path: Path) -> Checkpoint:
    whole = is_whole(path)
    if whole is False:
        raise ValueError("its checksum is wrong")
    with zipfile.ZipFile(path) as archive:
        if not whole and (damaged := archive.testzip()):
            raise ValueError(f"checksum of {damaged} is wrong")
        header = json.loads(archive.read(_HEADER))
        if header["format"] != FORMAT or header["format_version"] > FORMAT_VERSION:
            raise ValueError(f"{header['format']} version {header['format_version']}")
        if not whole and header["format_version"] > _UNSEALED_VERSION:
            raise ValueError("its checksum is missing")
        telemetry = msgspec.convert(header.get("telemetry", []), list[Telemetry])
        digests = msgspec.convert(header.get("digests"), Digests | None)
        return Checkpoint(path, int(header["n"]), str(header["configuration"]), telemetry, digests)


def _previous(path: Path) -> Path:
    return path.with_suffix(f".previous{path.suffix}")


def _write(archive: zipfile.ZipFile, folder: str, arrays: State) -> None:
    for name, values in arrays.items():
        with archive.open(f"{folder}/{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)


def _read(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as member:
        return np.asarray(np.lib.format.read_array(member, allow_pickle=False))
