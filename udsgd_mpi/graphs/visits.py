"""Recorded visits: sequences of points, in files."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import NotOfFormat
from udsgd_mpi.graphs.ground import GroundFile
from udsgd_mpi.support.digests import digest
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.one_line import shown

_MOST = 2**31 - 1
_ONE_A_LINE = re.compile(r"(?:[0-9]{1,10}\n)*[0-9]{1,10}\n*")


@dataclass(frozen=True)
class Visits:
    """Points in the order in which they were visited.

    Attributes
    ----------
    points
        Their indices, shape (visits,).
    lines
        The line of each in its file, where that is not its place in the sequence.
    """

    points: NDArray[np.int32]
    lines: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def digest(self) -> str:
        """Distinguishes these visits from any others."""
        return digest(self.points)

    @property
    def mean_degree(self) -> float:
        """NaN, as any point may follow any other."""
        return float("nan")

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.points.nbytes

    def line(self, k: int) -> int:
        """The line of the k-th of them, or its place, counted from 1."""
        return k + 1 if self.lines is None else int(self.lines[k])


class VisitsFile(GroundFile, frozen=True):
    """A file of visits: text with whole numbers from 0 on, or NumPy's ``.npy``."""

    def whole(self) -> Visits:
        return _read(Path(self.path))

    def build(self, n: int, seed: int, name: str, whole: Visits | None = None) -> Visits:
        found = self.whole() if whole is None else whole
        outside = np.flatnonzero(found.points >= n)
        if len(outside):
            k = int(outside[0])
            raise ConfigurationError(
                f"{name}: {self.path}: line {found.line(k)}: expected the index of one of {n}"
                f" points or batches, 0 to {n - 1}, got {found.points[k]}; use a trace of the same"
                " points, or {agent} in the path for a trace of each agent"
            )
        return found


def _read(path: Path) -> Visits:
    try:
        content = Content(path, "trace")
        found = _of_array(content) if content.head.startswith(b"\x93NUMPY") else _of_text(content)
    except (NotOfFormat, ValueError, EOFError) as error:
        raise ConfigurationError(
            f"trace {path}: {error}. Formats: text with an index on each line, NumPy's .npy"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"trace {path}: cannot be read ({error.strerror or error})"
        ) from error
    if len(found) == 0:
        raise ConfigurationError(f"trace {path}: expected at least one visit, got none")
    return found


def _of_array(content: Content) -> Visits:
    found = np.load(content.binary(), allow_pickle=False)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise NotOfFormat(
            f"expected one row of whole numbers, got {found.dtype} of shape {found.shape}"
        )
    wrong = np.flatnonzero((found < 0) | (found > _MOST))
    if len(wrong):
        raise NotOfFormat(f"entry {wrong[0]}: expected an index, got {found[wrong[0]]}")
    return Visits(found.astype(np.int32))


def _of_text(content: Content) -> Visits:
    if _ONE_A_LINE.fullmatch(content.text):  # as most are, and at once
        found = np.fromstring(content.text, dtype=np.int64, sep="\n")
        if found.max() <= _MOST:
            return Visits(found.astype(np.int32))
    lines = [(number, word) for number, data in content.lines for word in data.split()]
    for number, word in lines:
        if not (word.isascii() and word.isdigit() and int(word) <= _MOST):
            raise NotOfFormat(f"line {number}: expected whole numbers from 0 on, got {shown(word)}")
    numbers = np.array([number for number, _ in lines], dtype=np.int32)
    points = np.array([int(word) for _, word in lines], dtype=np.int32)
    in_place = np.array_equal(numbers, np.arange(1, len(numbers) + 1))
    return Visits(points, None if in_place else numbers)
