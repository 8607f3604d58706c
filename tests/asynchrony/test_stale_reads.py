"""Stale reads: the dense loop, the law of delays, resuming, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from tests import textbook
from tests.delays import delay
from tests.small_problem import AGENTS, POINTS, D, problem, write_points
from udsgd_mpi.__main__ import main
from udsgd_mpi.communication import DSGD, Layout, StaleWeights
from udsgd_mpi.graphs import Graph
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import Problem
from udsgd_mpi.testing.bits import bits_of

Floats = NDArray[np.float64]

SEED, L2, GAMMA = 1, 0.1, 0.3
RING = np.array([[1, 1, 0, 1], [1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1]]) / 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


def iterates(data: Path, staleness: int | None, interval: int = 1) -> tuple[Floats, Problem]:
    """θ^i of two trials after 1 step, 7 and 200, of ridge regression on all points at once."""
    stale = {} if staleness is None else {"staleness": staleness}
    posed = problem(
        data,
        "iid",
        trials=2,
        steps=200,
        seed=SEED,
        objective={"kind": "ridge", "l2": L2},
        groups={"all": {"share": 1, "sampler": "iid", "batch": POINTS}},
        record={"steps": [1, 7], "detail": "iterates", "predict": False},
        step_size={"kind": "constant", "gamma": GAMMA},
        topology="ring",
        communication={"kind": "dsgd", "weights": "uniform", "interval": interval, **stale},
    )
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    return recording["theta"], posed


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("most", [1, 4])
def test_steps_are_those_of_the_dense_loop(most: int, interval: int, data: Path) -> None:
    found, posed = iterates(data, most, interval)
    points = [agent.points for agent in posed.agents]
    H = np.stack([p.features.T @ p.features / POINTS + L2 * np.eye(D) for p in points])
    b = np.stack([p.features.T @ p.labels / POINTS for p in points])

    def gradient(theta: Floats, _: int) -> Floats:
        return np.einsum("ijk,itk->itj", H, theta) - b[:, None]

    def mixing(n: int) -> Floats:
        return np.eye(AGENTS) if n % interval else RING

    loop = textbook.stale(delay(SEED, most))
    for theta, steps in zip(found, (1, 7, 200), strict=True):
        start, gamma = np.zeros((AGENTS, 2, D)), np.full(steps, GAMMA)
        expected = loop(start, gradient, mixing, gamma).swapaxes(0, 1)
        np.testing.assert_allclose(theta, expected, rtol=1e-12, atol=1e-13)
    fresh, _ = iterates(data, None, interval)
    assert np.abs(found[1] - fresh[1]).max() > 1e-3


def complete(agents: int) -> Graph:
    offsets = (agents - 1) * np.arange(agents + 1)
    others = [j for i in range(agents) for j in range(agents) if j != i]
    return Graph(offsets, np.array(others, dtype=np.int32))


def drawn(most: int, seed: int, last: int) -> NDArray[np.int64]:
    """τ_ij(l) of l = 1, …, last and four agents that all read each other."""
    (form,) = DSGD(staleness=most, weights="uniform").start(complete(4), seed).forms
    assert isinstance(form, StaleWeights)
    return np.array([form.delays(number).reshape(4, 4) for number in range(1, last + 1)])


def test_delays_are_a_function_of_seed_aggregation_and_pair() -> None:
    found, of_one = drawn(5, SEED, 20), delay(SEED, 5)
    expected = [[[of_one(n, i, j) for j in range(4)] for i in range(4)] for n in range(1, 21)]
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_array_equal(found[:, off], np.array(expected)[:, off])
    assert (found[:, ~off] == 0).all()
    assert (found != drawn(5, SEED + 1, 20)).any()
    assert (found != found.swapaxes(1, 2)).any()


@pytest.mark.parametrize("most", [1, 2, 7])
def test_delays_are_uniform_and_independent(most: int) -> None:
    """Shares and covariances within 4.5 standard errors; 230 numbers at most: false alarm 2e-3."""
    last = 4000
    found = drawn(most, SEED, last)[:, ~np.eye(4, dtype=bool)]
    share = 1 / (most + 1)
    for value in range(most + 1):
        error = np.sqrt(share * (1 - share) / last)
        assert (abs((found == value).mean(axis=0) - share) < 4.5 * error).all()
    centred = (found - most / 2) / np.sqrt(((most + 1) ** 2 - 1) / 12)
    of_pairs = centred.T @ centred / last
    apart = of_pairs[np.triu_indices(len(of_pairs), 1)]
    in_turn = (centred[1:] * centred[:-1]).mean(axis=0)
    assert (abs(np.concatenate([apart, in_turn])) < 4.5 / np.sqrt(last)).all()


@pytest.mark.parametrize("ranks", [1, 3])
def test_what_a_rank_computes_is_tried_on_sums_of_as_many_rows(ranks: int) -> None:
    """Rows of W sum to 1, and so does what they make of ones."""
    (form,) = DSGD(staleness=3, weights="uniform").start(complete(4), SEED).forms
    assert isinstance(form, StaleWeights)
    layout = Layout.even(4, ranks)
    for rank in range(ranks):
        mixed = np.zeros((len(layout.hosted(rank)), 5))
        work = form.work(layout, rank, np.ones(4 * 5), mixed)
        for _ in range(3):
            mixed[:] = 0
            work()
            np.testing.assert_allclose(mixed, 1, rtol=1e-14)


def test_delays_lead_to_consensus_where_w_alone_has_a_period() -> None:
    """On an even ring Metropolis weights swap two values for ever; late ones join them."""
    ring = Graph.of_edges(4, np.array([0, 1, 2, 0]), np.array([1, 2, 3, 3]))
    assert not DSGD().start(ring, SEED).contracts(4)
    assert DSGD(staleness=1).start(ring, SEED).contracts(4)
    W = (np.roll(np.eye(4), 1, axis=0) + np.roll(np.eye(4), -1, axis=0)) / 2
    tau = delay(SEED, 1)
    x = [np.array([1.0, -1.0, 1.0, -1.0])]
    for number in range(1, 200):
        late = np.array(
            [[x[max(0, number - 1 - tau(number, i, j))][j] for j in range(4)] for i in range(4)]
        )
        x.append((W * late).sum(axis=1))
    assert np.ptp(x[-1]) < 1e-6


def test_a_run_goes_on_and_trials_join_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = "communication={kind='dfl', interval=2, staleness=3}"
    asked = ("--agents", "4", "--only", "all-srw", "--record", "iterates", "--set", settings)

    def run(output: str, steps: int, trials: int, *others: str) -> int:
        size = ("--steps", str(steps), "--trials", str(trials))
        return main(["run", *asked, *size, "--quiet", "--output", output, *others])

    assert run("whole.h5", 40, 3) == 0
    assert run("parts.h5", 17, 2, "--keep-checkpoints") == 0
    assert main(["extend", "parts.h5", "--steps", "40"]) == 0
    assert main(["extend", "parts.h5", "--trials", "+1"]) == 0
    whole, parts = (bits_of(tmp_path / f"{name}.h5") for name in ("whole", "parts"))
    assert {"all-srw/history_0", "all-srw/history_3", "all-srw/theta"} < set(whole)
    assert parts == whole


SMALL = ("--agents", "3", "--steps", "20", "--trials", "2", "--only", "all-srw")
REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("communication.staleness=0",), r"communication.staleness.*>= 1"),
    (("communication.staleness=101",), r"communication.staleness.*<= 100"),
    (("communication={kind='dsgd_vt', staleness=2}",), r"unknown key 'communication.staleness'"),
    (("communication.staleness=2", "activation='bernoulli'"), "got activation"),
    (("communication={kind='dsgd', staleness=2, compression='top_k'}",), "got .*compression"),
    (("communication={kind='dsgd', staleness=2, precision='single'}",), "got .*precision"),
    (("communication.staleness=2", "method='momentum'"), "got method = 'momentum'"),
    (("communication.staleness=2", "method='gradient_tracking'"), "got method = 'gradient_trac"),
    (("communication.staleness=2", "timing={}"), "got timing"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED, ids=lambda value: str(value)[:50])
def test_what_goes_with_no_stale_reads_is_refused(
    settings: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = [word for pair in settings for word in ("--set", pair)]
    assert main(["run", *SMALL, *asked]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(message, error), error
    assert not (tmp_path / "udsgd.h5").exists()
