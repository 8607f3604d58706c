"""A codec that is none of the package's own follows the rule of ``rounding`` by its file alone."""

from typing import Any

import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from tests.mpi.test_exchange import PATTERNS
from tests.mpi.test_fused import STEPS, Case
from tests.mpi.test_single_precision import AGENTS, expected, mixed
from udsgd_mpi.communication import DSGD, Layout, Pattern, UnreliableLinks
from udsgd_mpi.communication.codecs import CODECS, Codec
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.rounding import QUANTIZE
from udsgd_mpi.objectives import Logistic
from udsgd_mpi.parallel.fused import Fused

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
KEPT = 3


@kernel(QUANTIZE)
def keep_largest(rows: NDArray[np.float64], lost: NDArray[np.float64]) -> None:
    """Make all others 0; of equal ones the first are kept."""
    for i in range(len(lost)):
        lost[i] = rows[i]
        rows[i] = 0
        for _ in range(KEPT):
            place = np.argmax(np.abs(lost[i]))
            rows[i, place] += lost[i, place]
            lost[i, place] = 0


class Largest(Codec):
    """The numbers of greatest magnitude, and where they are."""

    quantize = keep_largest
    dtype = np.dtype(np.float64)

    def row_bytes(self, elements: int) -> int:
        return KEPT * 16

    def room(self, rows: int, elements: int) -> NDArray[Any]:
        return np.empty((rows, 2, KEPT))

    def pack(
        self, half_steps: NDArray[np.float64], rows: NDArray[np.int64], message: NDArray[Any]
    ) -> None:
        for row, (places, values) in zip(half_steps[rows], message, strict=True):
            places[:] = np.argsort(-abs(row))[:KEPT]
            values[:] = row[places.astype(int)]

    def unpack(self, message: NDArray[Any], rows: NDArray[np.float64]) -> None:
        rows[:] = 0
        for row, (places, values) in zip(rows, message, strict=True):
            row[places.astype(int)] = values


def largest(theta: np.ndarray) -> np.ndarray:
    rows = theta.reshape(len(theta), -1)
    places = np.argsort(-abs(rows), axis=1, kind="stable")[:, :KEPT]
    kept = np.zeros_like(rows)
    np.put_along_axis(kept, places, np.take_along_axis(rows, places, axis=1), axis=1)
    return kept.reshape(theta.shape)


@pytest.mark.parametrize("hosts", ["apart", "one host", "two hosts"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: type(pattern).__name__)
def test_every_pattern_follows_the_rule(pattern: Pattern, hosts: str) -> None:
    hosted = Layout.even(AGENTS, COMM.size).hosted(COMM.rank)
    whole = expected(pattern, largest, lambda mean: mean)
    got = mixed(pattern, hosts, codec=Largest())
    np.testing.assert_allclose(got, whole[hosted.start : hosted.stop], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("pattern", [DSGD(precision="single"), UnreliableLinks(precision="single")])
def test_steps_in_one_kernel_follow_it(pattern: Pattern, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is registered in place of another."""
    monkeypatch.setitem(CODECS, "single", Largest())
    case = Case(Logistic(), 1, pattern=pattern)
    assert isinstance(case.update, Fused)
    theta = case.run([0, 10, STEPS])
    np.testing.assert_allclose(theta, case.expected(largest), rtol=1e-10, atol=1e-12)
