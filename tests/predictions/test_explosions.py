"""Explosions are foretold: which agents overshoot, at which points, and in how many trials."""

import gc
import weakref
from itertools import pairwise, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

import udsgd_mpi
from tests.small_problem import AGENTS, POINTS, D, problem, write_points
from udsgd_mpi.forecast.explosions import explosions, offset_against
from udsgd_mpi.forecast.overshooting import bound_of, kept_shares, last_steps, overshooting
from udsgd_mpi.forecast.together import Together
from udsgd_mpi.graphs.generators import Ring, Star
from udsgd_mpi.graphs.transitions import TransitionMatrix
from udsgd_mpi.objectives import Logistic, Objective, Points, Quadratic, Ridge, Softmax
from udsgd_mpi.objectives.custom import Custom
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.preflight.cautions import Foretold, cautions
from udsgd_mpi.problem import LoneTeam, Problem, pose_all
from udsgd_mpi.samplers import IID, MHRW, NBRW, SRW, Reshuffling, Sampler, SingleShuffling, Stream
from udsgd_mpi.theory.chains import MarkovChain
from udsgd_mpi.theory.visits import of_a_permutation, of_chain, of_paths

TEAM = LoneTeam(AGENTS)


@pytest.mark.parametrize("last", [[0, 1], [0, 6], [3, 5], [0, 0]])
def test_visits_of_two_states_are_those_of_all_paths(last: list[int]) -> None:
    P, steps = np.array([[0.9, 0.1], [0.4, 0.6]]), max(last)
    chain = MarkovChain.of(TransitionMatrix.of(P, "chain"))
    expected = 0.0
    for path in product((0, 1), repeat=steps):
        if any(k < last[x] for k, x in enumerate(path)):
            moves = [P[x, y] for x, y in pairwise(path)]
            expected += 0.5 * float(np.prod(moves))
    assert of_chain(chain, np.array(last)) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("last", [[0, 1, 0, 0, 0], [3, 0, 1, 0, 2], [0, 5, 0, 0, 0], [0] * 5])
def test_visits_of_permutations_are_counted(last: list[int]) -> None:
    met = [any(k < last[x] for k, x in enumerate(order)) for order in permutations(range(5))]
    assert of_a_permutation(np.array(last)) == pytest.approx(np.mean(met), abs=1e-14)


@pytest.mark.parametrize(
    "sampler", [IID(), SingleShuffling(), Reshuffling(), SRW(), MHRW(), NBRW()]
)
@pytest.mark.parametrize("source", [Star(), Ring()])
def test_visits_are_those_of_the_paths(sampler: Sampler, source: Any) -> None:
    """Of 20,000 of them, within 4.5 standard errors: one false alarm in 10,000 sets of cases."""
    graph = source.build(12, 1, "graph")
    last = np.zeros(12, dtype=np.int64)
    last[[3, 5, 8]] = 4, 9, 1
    X = np.empty((9, 20_000), dtype=np.int32)
    sampler.start(12, graph, Stream(7, 0, 20_000)).draw(X)
    share, error = of_paths(X, last)
    chance = sampler.chance(last, graph)
    assert chance is not None
    assert 0 < error < 0.01
    assert abs(chance - share) < 4.5 * error


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "objective",
    [
        Logistic(l2=0.3),
        Ridge(l2=0.3),
        Softmax(l2=0.3),
        Quadratic(condition=7.0),
        Custom(path="tests.own_objective:OwnRidge", arguments={"l2": 0.3}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_curvatures_bound_those_of_hessians(objective: Objective, batch: int) -> None:
    """At any θ, and are reached at θ = 0: with two classes, for softmax."""
    rng = np.random.default_rng(3)
    points = Points(rng.normal(size=(6, 4)), np.array([0.0, 1, 1, 0, 1, 0]), np.full(6, 5.0))
    d = objective.dimension(4, 2)
    bounds = objective.largest_curvatures(np.zeros(d), points, batch)
    assert bounds is not None
    for scale in (0.0, 0.5, 3.0):
        theta = scale * rng.normal(size=d)
        for k, bound in enumerate(bounds):
            some = points.take(np.arange(k * batch, (k + 1) * batch))
            some = Points(some.features, some.labels, np.full(batch, 1 / batch))
            largest = np.linalg.eigvalsh(objective.hessian(theta, some))[-1]
            assert largest < bound * (1 + 1e-6)
            assert scale > 0 or largest > bound * (1 - 1e-2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Points of length 0.4 about, and four that are forty times as long."""
    path = write_points(tmp_path_factory.mktemp("data") / "points.svm")
    rows = [line.split() for line in path.read_text().splitlines()]
    for k, row in enumerate(rows):
        factor = 8.0 if k % POINTS == 5 else 0.2
        row[1:] = [
            f"{k + 1}:{factor * float(each.split(':')[1])!r}" for k, each in enumerate(row[1:])
        ]
    path.write_text("".join(" ".join(row) + "\n" for row in rows))
    return path


def posed(data: Path, sampler: Any, **settings: Any) -> Problem:
    every = {"trials": 300, "steps": 300, "record": {"steps": [*range(301)]}}
    return problem(data, sampler, **(every | settings))


def test_a_heavy_point_multiplies_errors_by_its_factor(data: Path) -> None:
    """Of a quadratic that is as steep along all axes, by one local step of each agent."""
    star = {"all": {"share": 1, "sampler": "srw", "graph": "star"}}
    settings = {"objective": {"kind": "quadratic"}, "step_size": {"gamma": 10.0}}
    one = posed(data, "srw", agents=1, groups=star, trials=2, **settings)
    (found,) = overshooting(one, LoneTeam(1))
    leaf = one.agents[0].points.weights.max()
    assert (found.weight, found.factor, found.bound) == (leaf, 10 * leaf, 2)
    assert found.last == sum(10 * leaf / n > 2 for n in range(1, 301))
    x = one.agents[0].points.features[found.point]
    theta = np.ones((1, 1, D))
    row = np.full((1, 1, 1), found.point, dtype=np.int32)
    one.objective.descend(theta, row, np.full(1, 10.0), one.points, one.batch)
    off = abs(1 - found.factor) * np.linalg.norm(1 - x)
    assert np.linalg.norm(theta - x) == pytest.approx(off, rel=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("pattern", "kept"), [("centralized", 0.25), ("dsgd", None)])
def test_what_is_kept_is_multiplied_by_no_more_than_one(
    beta: float, pattern: str, kept: float | None, data: Path
) -> None:
    """Below the bound, by the spectral radius of the heavy ball's matrix times what is kept."""
    method = {"kind": "momentum", "beta": beta}
    one = posed(data, "iid", method=method, communication=pattern, topology="complete")
    share = float(kept_shares(one)[0])
    assert share == pytest.approx(1 / AGENTS if kept is None else kept)
    bound = bound_of(one, share)
    for off, beyond in ((0.99, False), (1.01, True)):
        a = off * bound
        radius = abs(np.linalg.eigvals([[1 + beta - a, -beta], [1, 0]])).max()
        assert (share * radius > 1) == beyond
    gamma = one.experiment.step_size(1, 300)
    last = last_steps(gamma, np.array([0.0, bound, 10.5 * bound]), bound)
    assert last.tolist() == [0, 0, 10]


def test_steps_between_aggregations_are_not_diluted(data: Path) -> None:
    local = posed(data, "iid", communication={"kind": "centralized", "interval": 5})
    assert kept_shares(local).tolist() == [1.0] * AGENTS
    assert bound_of(local, 1.0) == 2


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "a star with a heavy leaf": (
        "srw",
        {
            "groups": {"all": {"share": 1, "sampler": "srw", "graph": "star"}},
            "weight": "literal",
            "communication": {"kind": "dsgd", "weights": "lazy"},
        },
    ),
    "shuffled": ("reshuffling", {"communication": {"kind": "centralized", "interval": 4}}),
}


@pytest.mark.parametrize("case", CASES)
def test_as_many_trials_explode_as_are_foretold(case: str, data: Path) -> None:
    """The very ones of the run, and a number within the interval of others, of 95 %."""
    sampler, settings = CASES[case]
    step_size = {"gamma": 1.0, "exponent": 0.8}
    one = posed(data, sampler, objective={"kind": "ridge"}, step_size=step_size, **settings)
    found = explosions(one, TEAM)
    assert found is not None
    recording = simulate(MPI.COMM_SELF, one, lambda _: None)
    assert recording is not None
    rows = recording.step <= found.steps
    exploded = (recording["squared_error"][rows] > found.limit).any(axis=0)
    number = int(exploded.sum())
    assert np.flatnonzero(exploded).tolist() == sorted(found.own)
    few, many = found.interval
    assert 0 < few <= number <= many < one.experiment.trials
    assert {*found.own.values()} <= {*found.agents}
    for culprit in found.culprits:
        worst = culprit.overshooting
        points = one.agents[worst.agent].points
        lengths = points.weights * np.linalg.norm(points.features, axis=1)
        assert worst.point == lengths.argmax()
        assert culprit.chance > 0
    (said,) = [text for text in cautions(one, Foretold(found)) if "first steps overshoot" in text]
    offset = int(np.ceil(offset_against(one.experiment.step_size, found.largest_gamma) or 0))
    assert f"step_size.offset = {offset:,}" in said
    for smaller in ({"offset": offset}, {"gamma": found.largest_gamma}):
        safe = posed(
            data, sampler, objective={"kind": "ridge"}, step_size=step_size | smaller, **settings
        )
        assert overshooting(safe, TEAM) == []
        assert explosions(safe, TEAM) is None


def test_the_default_experiment_is_not_warned_of() -> None:
    """Though its first steps overshoot: logistic losses are flat far out."""
    experiments = udsgd_mpi.load(settings={"agents": 4, "trials": 16})
    for each in pose_all(experiments, LoneTeam, 4).values():
        assert overshooting(each, TEAM)
        assert explosions(each, TEAM) is None


def test_trials_that_were_followed_take_no_memory_any_more(data: Path) -> None:
    """At once, not when Python next looks for objects that keep each other alive."""
    posed = problem(data, "srw")
    gc.disable()
    try:
        followed = weakref.ref(Together(posed, LoneTeam(AGENTS), 1, range(3)))
        assert followed() is None
    finally:
        gc.enable()
