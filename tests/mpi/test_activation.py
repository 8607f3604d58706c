"""Ranks take the steps and exchanges of those agents that are there, and no others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI
from msgspec import to_builtins

from tests.every_pair import experiment
from tests.reference import descent
from udsgd_mpi.communication import Average
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import LoneTeam, Problem, pose
from udsgd_mpi.samplers import Stream

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
AGENTS, STEPS = 5, 60
TRACE = "agent,from,to\n0,0,20\n0,35,60\n1,3,50\n2,0,60\n3,59,60\n3,10,30\n4,21,22\n"
CASES: dict[str, dict[str, Any]] = {
    "own probabilities, walks": {
        "activation": {"kind": "bernoulli", "p": [0.9, 0.2, 0.5, 1.0, 0.7]},
        "communication": {"kind": "dsgd", "weights": "lazy", "interval": 3},
        "sampler": "srw",
    },
    "epochs": {
        "activation": {"kind": "markov", "there": 3, "away": 2},
        "communication": {"kind": "hlsgd", "clusters": 2, "inner": 2, "outer": 5},
        "sampler": "reshuffling",
    },
    "scaled, with momentum": {
        "activation": {"kind": "diurnal", "period": 12, "share": 0.25, "scaled": True},
        "communication": {"kind": "unreliable_links", "failure": 0.3},
        "sampler": "nbrw",
        "method": {"kind": "momentum", "beta": 0.7},
    },
    "scaled, with Adam": {
        "activation": {"kind": "bernoulli", "p": 0.25, "scaled": True},
        "communication": {"kind": "dsgd", "weights": "lazy", "interval": 2},
        "sampler": "srw",
        "method": {"kind": "adam", "epsilon": 1e-3},
    },
    "a trace": {
        "activation": {"kind": "trace", "path": "trace.csv"},
        "communication": {"kind": "lsgd_fp", "interval": 1},
        "sampler": "srrw",
    },
    "clocks": {
        "communication": {"kind": "async_gossip", "step_rate": 0.8, "edge_rate": 1.2},
        "sampler": "srw",
    },
    "clocks of those that are there": {
        "activation": {"kind": "bernoulli", "p": 0.6},
        "communication": {"kind": "async_gossip"},
        "sampler": "iid",
    },
    "rounded messages": {
        "activation": {"kind": "bernoulli", "p": 0.5},
        "communication": {"kind": "random_matching", "precision": "single"},
        "sampler": "iid",
    },
}


def settings(case: dict[str, Any]) -> Experiment:
    base = to_builtins(experiment("dsgd", case["sampler"]))
    record = {"steps": [1, 2, 30, STEPS], "detail": "iterates"}
    others = {key: value for key, value in case.items() if key != "sampler"}
    return check({**base, "steps": STEPS, "record": record, **others})


@pytest.fixture(autouse=True)
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rank has one."""
    (tmp_path / "trace.csv").write_text(TRACE)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_run_is_the_equation_for_those_that_are_there(case: dict[str, Any]) -> None:
    """Against dense loops over agents and steps; and as on one rank, bit by bit."""
    run = settings(case)
    recording = simulate(COMM, pose(run, RanksTeam.evenly(COMM, AGENTS)), lambda _: None)
    if recording is None:
        return
    alone = pose(run, LoneTeam(AGENTS))
    on_one = simulate(MPI.COMM_SELF, alone, lambda _: None)
    assert on_one is not None
    for name in ("theta", "theta_mean", "consensus_error"):
        np.testing.assert_array_equal(recording[name], on_one[name])
    rounded = run.communication.precision == "single"
    for n, found in zip(recording.step.tolist(), recording["theta"], strict=True):
        expected = by_dense_loops(alone, n).swapaxes(0, 1)
        np.testing.assert_allclose(
            found, expected, rtol=1e-6 if rounded else 1e-12, atol=1e-6 if rounded else 1e-13
        )


def by_dense_loops(problem: Problem, last: int) -> np.ndarray:
    """θ of all agents after the last step, shape (agents, trials, d)."""
    run, schedule = problem.experiment, problem.schedule
    there = schedule.active(0, STEPS)
    assert there is not None
    assert 0 < there.mean() < 1
    whole = run.communication.start(problem.topology, run.seed)
    present = np.ones_like(there)
    if run.activation is not None:
        present = run.activation.start(AGENTS, run.seed).between(0, STEPS)
    method = to_builtins(run.method)
    each = [[descent(**method) for _ in range(run.trials)] for _ in range(AGENTS)]
    taken = np.cumsum(there, axis=0)
    share = 0.25 if run.activation is not None and run.activation.scaled else 1.0
    paths = []
    for i, agent in enumerate(problem.agents):
        path = agent.sampler.start(agent.batches, agent.graph, Stream(run.seed, i, run.trials))
        drawn = np.empty((there[:, i].sum(), run.trials), dtype=np.int32)
        path.draw(drawn)
        paths.append(iter(drawn))
    theta = np.zeros((AGENTS, run.trials, problem.d))
    theta += problem.initial(range(run.trials))
    for n in range(1, last + 1):
        a = present[n - 1]
        for i in np.flatnonzero(there[n - 1]):
            agent = problem.agents[i]
            for t, x in enumerate(next(paths[i]).tolist()):
                rows = np.arange(x * agent.batch, (x + 1) * agent.batch)
                slope = run.objective.gradient(theta[i, t], agent.points.take(rows)) / agent.batch
                gamma, k = run.step_size(n, n)[0], int(taken[n - 1, i])
                theta[i, t] = each[i][t](theta[i, t], slope / share, gamma, k)
        if whole.aggregates(n):
            W = whole.mixing(n).matrix(AGENTS)
            if isinstance(whole.mixing(n), Average):
                W = np.outer(a, a) / max(1, a.sum())
            W = np.where(np.outer(a, a), W, 0.0)
            np.fill_diagonal(W, 0)
            np.fill_diagonal(W, 1 - W.sum(axis=1))
            theta = np.einsum("ij,jtd->itd", W, theta)
    return theta
