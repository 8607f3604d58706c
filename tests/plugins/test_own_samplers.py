"""Chains and traces from files and samplers of a user's own say what theory and counting say."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_array, csr_array, save_npz

from tests.launch import udsgd
from tests.small_problem import AGENTS, POINTS, problem, write_points
from tests.test_chains import brute_force, stationary
from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.forecast import PATHS_ALONE, predict
from udsgd_mpi.forecast.spectral import LongRunCovariance
from udsgd_mpi.graphs.transitions import TransitionMatrix, TransitionsFile
from udsgd_mpi.graphs.visits import VisitsFile
from udsgd_mpi.problem import LoneTeam, Problem
from udsgd_mpi.samplers import Chain, CustomSampler, Stream, Trace
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory import chains
from udsgd_mpi.theory.chains import MarkovChain, asymptotic_covariance

LAZY = {"kind": "custom", "path": "tests.own_sampler:LazyWalk"}
LEVY = {"kind": "custom", "path": "tests.own_sampler:LevyJumps"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


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
    monkeypatch.setattr(chains, "LARGEST_DENSE", largest_dense)
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
    monkeypatch.setattr(chains, "_LARGEST_SOLVED", 10)
    chains._law.cache_clear()
    np.testing.assert_allclose(MarkovChain.of(P).law, solved, rtol=1e-10)
    monkeypatch.setattr(chains, "_MOST_ITERATIONS", 5)
    chains._law.cache_clear()
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


def test_settings_are_kept_and_files_of_agents_follow(tmp_path: Path, data: Path) -> None:
    sampler = {"kind": "trace", "path": "visits-{agent:02d}.txt", "start": "first"}
    for i in range(AGENTS):
        visits = [*range(POINTS), *[i] * 3]
        (tmp_path / f"visits-{i:02d}.txt").write_text("\n".join(map(str, visits)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        posed = problem(data, sampler)
    (group,) = posed.experiment.groups.values()
    assert group.sampler == Trace(path="visits-{agent:02d}.txt", start_at="first")
    stored = tomllib.loads(to_toml({"a": posed.experiment}))["variant"]["a"]
    assert stored["groups"]["all"]["sampler"] == sampler
    assert [np.argmax(agent.stationary_law) for agent in posed.agents] == list(range(AGENTS))
    assert len(set(posed.digests.graphs)) == AGENTS
    with pytest.raises(ConfigurationError, match=r"\{agent:02d\}"):
        problem(data, {"kind": "chain", "path": "P-{agent:x}.npz"})


def test_points_that_are_never_visited_have_no_weight_and_are_told(
    tmp_path: Path, data: Path
) -> None:
    (tmp_path / "visits.txt").write_text("0 1 2 1\n")
    posed = problem(data, {"kind": "trace", "path": str(tmp_path / "visits.txt")})
    weights = posed.agents[0].points.weights
    np.testing.assert_allclose(weights[:3], [4 / POINTS, 2 / POINTS, 4 / POINTS])
    assert not weights[3:].any()
    (said,) = posed.summaries[0].cautions
    assert f"never visits {POINTS - 3} of {POINTS} points" in said


def chain_of_the_walk(posed: Problem, folder: Path) -> dict[str, str]:
    for i, agent in enumerate(posed.agents):
        graph: Any = agent.graph
        shares = np.repeat(1 / graph.degrees, graph.degrees)
        save_npz(folder / f"P-{i}.npz", csr_array((shares, graph.neighbours, graph.offsets)))
    return {"kind": "chain", "path": str(folder / "P-{agent}.npz")}


def test_the_chain_of_the_simple_walk_is_predicted_as_the_walk(tmp_path: Path, data: Path) -> None:
    walk = problem(data, "srw")
    chain = problem(data, chain_of_the_walk(walk, tmp_path))
    np.testing.assert_allclose(chain.minimizer, walk.minimizer, rtol=1e-9)
    steps = walk.experiment.record.at(walk.experiment.steps)
    of_walk, of_chain = (
        predict(posed, LoneTeam(AGENTS), steps, trials=50) for posed in (walk, chain)
    )
    V = of_walk.limiting_covariance
    np.testing.assert_allclose(of_chain.limiting_covariance, V, atol=1e-10 * np.trace(V))
    np.testing.assert_allclose(of_chain.mse, of_walk.mse, rtol=1e-6)
    path, other = (
        posed.agents[0].sampler.start(POINTS, posed.agents[0].graph, Stream(1, 0, 5))
        for posed in (walk, chain)
    )
    X, Y = np.empty((2, 500, 5), dtype=np.int32)
    path.draw(X)
    other.draw(Y)
    np.testing.assert_array_equal(X, Y)


def squared_errors(posed: Problem) -> np.ndarray:
    """‖θ_n − θ*‖² of each trial at the last step."""
    from mpi4py import MPI

    from udsgd_mpi.parallel.simulate import simulate

    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    return np.asarray(recording["squared_error"][-1])


SMALL = {"steps": 1000, "trials": 1000, "record": {"steps": []}}


def test_the_chain_of_the_simple_walk_errs_as_the_walk(tmp_path: Path, data: Path) -> None:
    walk = problem(data, "srw", **SMALL)
    chain = problem(data, chain_of_the_walk(walk, tmp_path), **SMALL)
    np.testing.assert_allclose(squared_errors(chain), squared_errors(walk), rtol=1e-6)


def test_the_trace_of_a_walk_errs_as_the_walk(tmp_path: Path, data: Path) -> None:
    # An extract of 1,000 of 2,000,000 visits: means over 1,000 trials within four standard errors
    # of their difference, which are about 3 % of them.
    walk = problem(data, "srw", **SMALL)
    for i, agent in enumerate(walk.agents):
        X = np.empty((2_000_000, 1), dtype=np.int32)
        agent.sampler.start(POINTS, agent.graph, Stream(77, i, 1)).draw(X)
        np.save(tmp_path / f"visits-{i}.npy", X[:, 0])
    trace = problem(data, {"kind": "trace", "path": str(tmp_path / "visits-{agent}.npy")}, **SMALL)
    of_walk, of_trace = squared_errors(walk), squared_errors(trace)
    error = np.hypot(*(each.std(ddof=1) / np.sqrt(len(each)) for each in (of_walk, of_trace)))
    assert error < 0.06 * of_walk.mean()
    assert abs(of_trace.mean() - of_walk.mean()) < 4 * error
    steps = np.array([SMALL["steps"]])
    found = predict(trace, LoneTeam(AGENTS), steps)
    assert set(found.methods) == {"paths"}
    assert np.trace(found.limiting_covariance) == 0
    both = np.hypot(found.error[-1], of_trace.std(ddof=1) / np.sqrt(len(of_trace)))
    assert abs(found.mse[-1] - of_trace.mean()) < 4 * both + 0.02 * found.mse[-1]


def test_a_whole_cycle_of_a_trace_is_the_same_from_every_start(tmp_path: Path, data: Path) -> None:
    """So that Σ g over it is 0, and U with it."""
    visits = np.random.default_rng(3).integers(POINTS, size=500)
    np.save(tmp_path / "visits.npy", visits)
    agent = problem(data, {"kind": "trace", "path": str(tmp_path / "visits.npy")}).agents[0]
    G = np.random.default_rng(1).normal(size=(POINTS, 2))
    G -= agent.stationary_law @ G
    X = np.empty((500, 20), dtype=np.int32)
    agent.sampler.start(POINTS, agent.graph, Stream(1, 0, 20)).draw(X)
    assert len(np.unique(X[0])) > 5
    np.testing.assert_allclose(G[X].sum(axis=0), 0, atol=1e-10)
    noise = agent.sampler.noise(G, agent.graph)
    assert noise is not None
    assert not noise.amplitudes.any()


MIXED = """
agents = 6
steps = 1500
trials = 3
partition = { kind = "even", points = 30 }
communication = { kind = "dsgd", weights = "lazy" }
record = { steps = [2500], detail = "iterates", predict = false }
[groups.lazy]
agents = "0-1"
sampler = { kind = "custom", path = "mine:LazyWalk", arguments = { stay = 0.3 } }
graph = "small_world"
[groups.levy]
agents = "2-3"
sampler = { kind = "custom", path = "mine:LevyJumps" }
[groups.metropolis]
agents = "4"
sampler = { kind = "custom", path = "mine:Metropolis" }
graph = "ring"
batch = 3
[groups.recorded]
agents = "5"
sampler = { kind = "trace", path = "visits.txt" }
"""


@pytest.mark.launcher
def test_same_bits_on_other_ranks_and_resumed(tmp_path: Path) -> None:
    """Of samplers in a folder of a user's, stopped in the middle of a block."""
    shutil.copy(Path(__file__).parents[1] / "own_sampler.py", tmp_path / "mine.py")
    (tmp_path / "visits.txt").write_text("\n".join(map(str, [*range(30), 7, 9])))
    (tmp_path / "x.toml").write_text(MIXED)
    quiet = {"cwd": tmp_path, "timeout": 100}
    whole = udsgd("run", "x.toml", "--steps", 2500, "--output", "whole.h5", **quiet)
    assert whole.returncode == 0, whole.stderr
    part = udsgd("run", "x.toml", "--output", "part.h5", "--keep-checkpoints", ranks=2, **quiet)
    assert part.returncode == 0, part.stderr
    rest = udsgd("extend", "part.h5", "--steps", 2500, ranks=3, **quiet)
    assert rest.returncode == 0, rest.stderr
    with h5py.File(tmp_path / "whole.h5") as one, h5py.File(tmp_path / "part.h5") as other:
        for name in ("theta", "squared_error", "theta_mean"):
            np.testing.assert_array_equal(*(file[f"runs/main/{name}"][-1] for file in (one, other)))


def test_spectrum_at_zero_of_a_chain_is_its_covariance() -> None:
    # Tr U by 2,000 paths within four of its standard errors, which are about 0.8 %; without what
    # is done against the bias it would be 7 % too small.
    P = 0.03 * uneven(12) + 0.97 * np.eye(12)
    transitions = TransitionMatrix.of(P, "P")
    chain = MarkovChain.of(transitions)
    g = np.random.default_rng(2).normal(size=(12, 4))
    g -= chain.law @ g
    exact = asymptotic_covariance(chain, g)
    estimate = LongRunCovariance(g, 2000, 8192)
    path = Chain(path="P").start(12, transitions, Stream(3, 0, 2000))
    for steps in (1000, 24, 7000, 168):
        X = np.empty((steps, 2000), dtype=np.int32)
        path.draw(X)
        estimate(X)
    U, error = estimate.estimate(np.ones(4))
    assert error < 0.03 * np.trace(exact)
    assert abs(np.trace(U) - np.trace(exact)) < 4 * error
    np.testing.assert_allclose(U, exact, atol=0.06 * np.trace(exact))
    assert estimate.estimate(np.full(4, 2.0))[1] == pytest.approx(2 * error)
    few = LongRunCovariance(g, 2000, 8192)
    few(X)
    assert np.isnan(few.estimate(np.ones(4))[0]).all()


def levy_matrix(points: int) -> np.ndarray:
    weights = np.arange(1.0, points // 2 + 1) ** -1.5
    P = np.zeros((points, points))
    for x in range(points):
        for k, weight in enumerate(weights / weights.sum() / 2, start=1):
            P[x, (x + k) % points] += weight
            P[x, (x - k) % points] += weight
    return P


def test_a_sampler_without_theory_is_predicted_by_paths_alone(tmp_path: Path, data: Path) -> None:
    """Jumps on a circle, beside the chain that they are."""
    np.save(tmp_path / "P.npy", levy_matrix(POINTS))
    own = problem(data, LEVY)
    chain = problem(data, {"kind": "chain", "path": str(tmp_path / "P.npy")})
    steps = np.array([1000, 4000])
    known, found = (predict(posed, LoneTeam(AGENTS), steps) for posed in (chain, own))
    assert set(found.methods) == {PATHS_ALONE}
    assert found.agent_traces.shape == (AGENTS,)
    assert np.isnan(found.linear_mse).all()
    assert known.trace_error == 0
    traces = [float(np.trace(each.limiting_covariance)) for each in (known, found)]
    assert 0 < found.trace_error < 0.05 * traces[0]
    assert abs(traces[1] - traces[0]) < 4 * found.trace_error
    error = np.hypot(known.error, found.error)
    assert (abs(found.mse - known.mse) < 4 * error + 0.01 * known.mse).all()
    half = {"share": 0.5, "graph": "ring"}
    groups = {"a": {**half, "sampler": LEVY}, "b": {**half, "sampler": "iid"}}
    mixed = predict(problem(data, "iid", groups=groups), LoneTeam(AGENTS), steps)
    assert mixed.methods == [PATHS_ALONE] * 2 + ["linear"] * 2


def test_a_sampler_with_its_transition_matrix_has_its_theory(data: Path) -> None:
    """The lazy walk that never stays is the simple walk; one that stays is the slower."""
    walk, never, often = (
        problem(data, sampler)
        for sampler in (
            "srw",
            {**LAZY, "arguments": {"stay": 0.0}},
            {**LAZY, "arguments": {"stay": 0.6}},
        )
    )
    assert not never.summaries[0].cautions
    G = np.random.default_rng(1).normal(size=(POINTS, 2))
    law = walk.agents[0].stationary_law
    np.testing.assert_allclose(never.agents[0].stationary_law, law, rtol=1e-9)
    G -= law @ G
    U, same, slower = (
        noise.amplitudes.T @ noise.amplitudes
        for posed in (walk, never, often)
        if (noise := posed.agents[0].sampler.noise(G, posed.agents[0].graph)) is not None
    )
    np.testing.assert_allclose(same, U, atol=1e-10 * np.trace(U))
    # With P' = s + (1 − s) P, lim n Var = (Var + U) / (1 − s) − Var.
    of_points = (law[:, None] * G).T @ G
    expected = (of_points + U) / (1 - 0.6) - of_points
    np.testing.assert_allclose(slower, expected, atol=1e-9 * np.trace(U))


def test_a_covariance_may_be_brought_instead(tmp_path: Path, data: Path) -> None:
    (tmp_path / "mine_covariance.py").write_text(
        "import numpy as np\n"
        "class Independent:\n"
        "    def __init__(self, points, graph):\n"
        "        self.points = points\n"
        "    def draw(self, steps, uniforms):\n"
        "        return (uniforms * self.points).astype(int)\n"
        "    def stationary_law(self):\n"
        "        return np.full(self.points, 1 / self.points)\n"
        "    def asymptotic_covariance(self, G):\n"
        "        return G.T @ G / len(G)\n"
    )
    own = problem(data, {"kind": "custom", "path": f"{tmp_path}/mine_covariance.py:Independent"})
    iid = problem(data, "iid")
    steps = np.array([1000, 4000])
    found, known = (predict(posed, LoneTeam(AGENTS), steps) for posed in (own, iid))
    assert set(found.methods) == {"linear"}
    np.testing.assert_allclose(found.mse, known.mse, rtol=1e-9)
    assert own.agents[0].sampler != iid.agents[0].sampler


def test_equal_settings_are_one_sampler() -> None:
    first, same, other = (
        CustomSampler(path="a:B", arguments={"x": [1, value]}) for value in (2, 2, 3)
    )
    assert hash(first) == hash(same)
    assert first == same
    assert first != other
    assert len({first, same, other}) == 2


def test_diagnosis_of_samplers_without_a_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("P.npy", uneven(30))
    small = ["--steps", "500", "--trials", "5"]
    assert main(["diagnose", "{kind='chain', path='P.npy'}", "-n", "30", *small]) == 0
    said = capsys.readouterr().out
    assert "chain on 30 points" in said
    assert "half of the nodes" in said
    levy = "{kind='custom', path='tests.own_sampler:LevyJumps'}"
    assert main(["diagnose", levy, "-n", "30", *small]) == 0
    said = capsys.readouterr().out
    assert "not known" in said
    assert "warning: LevyJumps brings no theory" in said
    lazy = "{kind='custom', path='tests.own_sampler:LazyWalk'}"
    assert main(["diagnose", lazy, "ring", "-n", "30", *small]) == 0
    assert "degree" in capsys.readouterr().out
    for wrong, message in (
        (["{kind='chain', path='P.npy'}", "-n", "9"], "a row for each of the 9 points"),
        (["{kind='chain', path='P.npy'}"], "expected a number of points"),
        ([lazy, "-n", "9"], "expected a graph for LazyWalk to walk on"),
    ):
        assert main(["diagnose", *wrong]) == 2
        assert message in capsys.readouterr().err
