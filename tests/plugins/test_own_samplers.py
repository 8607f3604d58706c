"""Chains, traces and samplers of a user's own run as theory and counting say."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.sparse import csr_array, save_npz

from tests.launch import udsgd
from tests.plugins.test_ground_files import uneven
from tests.small_problem import AGENTS, POINTS, problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.forecast import PATHS_ALONE, predict
from udsgd_mpi.forecast.spectral import LongRunCovariance
from udsgd_mpi.graphs.transitions import TransitionMatrix
from udsgd_mpi.problem import LoneTeam, Problem
from udsgd_mpi.samplers import Chain, CustomSampler, Stream, Trace
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.chains import MarkovChain, asymptotic_covariance

LAZY = {"kind": "custom", "path": "tests.own_sampler:LazyWalk"}
LEVY = {"kind": "custom", "path": "tests.own_sampler:LevyJumps"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


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
    assert set(found.methods) == {"paths alone"}
    limits = [
        np.trace(each.limiting_covariance)
        for each in (found, predict(walk, LoneTeam(AGENTS), steps))
    ]
    assert abs(limits[0] - limits[1]) < 4 * found.trace_error + 0.05 * limits[1]
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

    def ran(output: str, *arguments: object, ranks: int | None = None) -> None:
        run = ("run", "x.toml", "--quiet", "--output", output)
        done = udsgd(*run, *arguments, ranks=ranks, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    ran("whole.h5", "--steps", 2500)
    ran("part.h5", "--keep-checkpoints", ranks=2)
    ran("part.h5", "--steps", 2500, "--resume", "--allow-changes", "steps", ranks=3)
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
