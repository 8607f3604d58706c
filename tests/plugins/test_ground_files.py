"""Files of chains and traces: what they hold, which law follows, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_array, csr_array, save_npz

from tests.test_chains import brute_force, stationary
from udsgd_mpi.graphs.transitions import TransitionMatrix, TransitionsFile
from udsgd_mpi.graphs.visits import VisitsFile
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.chains import MarkovChain, asymptotic_covariance, markov, solving


def uneven(n: int) -> np.ndarray:
    P = np.random.default_rng(n).random((n, n)) ** 4
    P[P < 0.1] = 0
    P += np.roll(np.eye(n), 1, axis=1)
    return np.asarray(P / P.sum(axis=1, keepdims=True))


def round_and_round(n: int) -> np.ndarray:
    return np.roll(np.eye(n), 1, axis=1)


def two_sides(n: int) -> np.ndarray:
    """Of period 2, not reversible."""
    P = uneven(n)
    P[: n // 2, : n // 2] = P[n // 2 :, n // 2 :] = 0
    P[: n // 2, n // 2] += 0.5
    P[n // 2 :, 0] += 0.5
    P += np.fliplr(np.eye(n)) * 0.1
    return np.asarray(P / P.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("make", [uneven, round_and_round, two_sides])
@pytest.mark.parametrize("largest_dense", [0, 600], ids=["sparse", "dense"])
def test_law_and_covariance_of_any_chain(
    make: Any, largest_dense: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solving, "LARGEST_DENSE", largest_dense)
    P = make(10)
    chain = MarkovChain.of(TransitionMatrix.of(P, "P"))
    np.testing.assert_allclose(chain.law, stationary(P), rtol=1e-10)
    G = np.random.default_rng(0).normal(size=(10, 3))
    G -= chain.law @ G
    scale = (G**2).sum()
    U = asymptotic_covariance(chain, G)
    np.testing.assert_allclose(U, brute_force(P, G), atol=1e-3 * scale)
    if make is round_and_round:
        assert abs(U).max() < 1e-12 * scale


def test_law_of_a_large_chain_is_iterated(monkeypatch: pytest.MonkeyPatch) -> None:
    P = TransitionMatrix.of(two_sides(20), "P")
    solved = MarkovChain.of(P).law
    monkeypatch.setattr(markov, "_LARGEST_SOLVED", 10)
    markov._law.cache_clear()
    np.testing.assert_allclose(MarkovChain.of(P).law, solved, rtol=1e-10)
    monkeypatch.setattr(markov, "_MOST_ITERATIONS", 5)
    markov._law.cache_clear()
    with pytest.raises(ConfigurationError, match="mixes within 5 steps"):
        MarkovChain.of(P)


def test_all_formats_hold_one_chain(tmp_path: Path) -> None:
    P = uneven(7)
    np.save(tmp_path / "P.npy", P)
    np.savez(tmp_path / "dense.npz", P)
    save_npz(tmp_path / "P.npz", csr_array(P))
    mmwrite(tmp_path / "P.mtx", coo_array(P), precision=17)
    digests = {
        TransitionsFile(str(file)).build(7, 0, "chain").digest for file in tmp_path.iterdir()
    }
    assert len(digests) == 1


def changed(row: int, column: int, value: float) -> np.ndarray:
    P = uneven(6)
    P[row, column] = value
    return P


def absorbing() -> np.ndarray:
    P = uneven(6)
    P[4] = np.eye(6)[4]
    return P


def never_reached() -> np.ndarray:
    P = uneven(6)
    P[:, 5] = 0
    return np.asarray(P / P.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("P", "message"),
    [
        (uneven(6)[:, :5], r"expected a square matrix.*got shape \(6, 5\)"),
        (uneven(5), "a row for each of the 6 points or batches, got 5 rows"),
        (changed(3, 0, 7.0), r"add up to 1, got 1 of 6 rows \(3, counted from 0\) with a sum of 7"),
        (changed(2, 1, -0.5), r"probabilities ≥ 0, got others in 1 of 6 rows \(2, counted"),
        (changed(2, 1, np.nan), r"probabilities ≥ 0, got others in 1 of 6 rows \(2, counted"),
        (absorbing(), "no way leads to point 0 from 4 of 6 points"),
        (never_reached(), "no way leads from point 0 to 5 of 6 points"),
        (uneven(6).astype(complex), "expected real numbers, got complex128"),
        (np.zeros(6), r"square matrix.*got shape \(6,\)"),
    ],
)
def test_what_is_no_chain_is_refused(P: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "P.npy", P)
    with pytest.raises(ConfigurationError, match=message):
        TransitionsFile(str(tmp_path / "P.npy")).build(6, 0, "chain of agent 0")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"0 1\n1 0\n", "expected a matrix: SciPy's sparse .npz.*got something else"),
        (b"PK\x03\x04", "expected a matrix: .*not a zip file"),
        (b"\x93NUMPY\x01", "expected a matrix"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_matrix(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "P").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"^chain .*{message}"):
        TransitionsFile(str(tmp_path / "P")).whole()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\n1\n4\n2\n", "line 3: expected the index of one of 4 points or batches, 0 to 3, got 4"),
        ("# a comment\n0 1\n\n2 9\n", "line 4: expected the index .* got 9"),
        ("0\n-1\n", "line 2: expected whole numbers from 0 on, got '-1'"),
        ("0 1.5\n", "line 1: expected whole numbers from 0 on, got '1.5'"),
        ("7\n3000000000\n", "line 2: expected whole numbers from 0 on, got '3000000000'"),
        ("", "expected at least one visit, got none"),
    ],
)
def test_what_is_no_trace_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "visits").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        VisitsFile(str(tmp_path / "visits")).build(4, 0, "trace of agent 0")


@pytest.mark.parametrize(
    "text",
    ["0\n3\n1\n2\n", "0\n3\n1\n2", "# visits\n0 3\n\n1 2\n", "0\r\n3\r\n1\r\n2\r\n", "0 3\t1 2"],
)
def test_visits_stand_on_lines_or_beside_each_other(text: str, tmp_path: Path) -> None:
    (tmp_path / "visits").write_bytes(text.encode())
    found = VisitsFile(str(tmp_path / "visits")).build(4, 0, "trace of agent 0")
    np.testing.assert_array_equal(found.points, [0, 3, 1, 2])


@pytest.mark.parametrize(
    ("visits", "message"),
    [
        (np.array([0.0, 1.0]), r"one row of whole numbers, got float64 of shape \(2,\)"),
        (np.zeros((2, 2), dtype=int), r"got int64 of shape \(2, 2\)"),
        (np.array([0, 1, -3]), "entry 2: expected an index, got -3"),
        (np.array([0, 1, 8]), "line 3: .*got 8"),
    ],
)
def test_what_is_no_trace_in_an_array(visits: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "visits.npy", visits)
    with pytest.raises(ConfigurationError, match=message):
        VisitsFile(str(tmp_path / "visits.npy")).build(4, 0, "trace of agent 0")
