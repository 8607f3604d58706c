"""Predictions hold for whole families of experiments, the consensus error among them.

The slow tests take all members and 2,000 trials, the others a few members and fewer trials. A ratio
departs if it is further from 1 than a margin and than 4 standard errors of both sides; where all
are right, one does with a probability below 6e-5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests.every_pair import NEEDED, tags
from udsgd_mpi.communication import AnyPattern
from udsgd_mpi.experiment.check import check
from udsgd_mpi.forecast import Forecasts, predict
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam, Problem, pose

AGENTS, STEPS, TRIALS = 6, 1000, 2000
OF_MSE, OF_CONSENSUS = 0.07, 0.10
SRRW = {"kind": "srrw", "alpha": 5, "b": 0.8}
PATTERNS = [pattern for pattern in tags(AnyPattern) if pattern != "custom"]
PARTITIONS: dict[str, Any] = {
    "equal": {"kind": "unequal", "sizes": [20] * AGENTS},
    "dirichlet": {"kind": "dirichlet", "alpha": 0.1, "minimum": 8},
}


def posed(agents: int, trials: int, **settings: Any) -> Problem:
    """A problem on standardised breast_cancer."""
    experiment = check(
        {
            "agents": agents,
            "steps": STEPS,
            "trials": trials,
            "data": {"source": "breast_cancer", "standardize": True},
            "record": {"steps": [100, 300]},
            **settings,
        }
    )
    return pose(experiment, LoneTeam(agents))


def departures(problem: Problem, forecasts: Forecasts) -> Iterator[str]:
    """What is measured and not predicted: MSE at the last step, consensus error from n = 100 on."""
    recording = simulate(MPI.COMM_SELF, problem, lambda _: None)
    assert recording is not None
    rows = recording.step >= 100
    steps = recording.step[rows]
    prediction = predict(problem, LoneTeam(len(problem.summaries)), steps, forecasts=forecasts)
    consensus = prediction.consensus_error, prediction.consensus_error_error
    of_each = (
        ("squared_error", prediction.mse[-1:], prediction.error[-1:], OF_MSE),
        ("consensus_error", *consensus, OF_CONSENSUS),
    )
    for measure, values, stated, margin in of_each:
        squares = recording[measure][rows][-len(values) :]
        known = np.isfinite(values)
        assert known.all() or (measure == "consensus_error" and (squares[~known] < 1e-20).all())
        squares, expected, own = squares[known], values[known], stated[known] / values[known]
        ratios = squares.mean(axis=1) / expected
        spread = squares.std(axis=1, ddof=1) / np.sqrt(squares.shape[1]) / expected
        errors = np.hypot(spread, ratios * own)
        for n, ratio, error in zip(steps[-len(values) :][known], ratios, errors, strict=True):
            if abs(ratio - 1) > max(margin, 4 * error):
                yield f"{measure} at n = {n}: {ratio:.3f} ± {error:.3f}"


SAMPLERS = ("iid", "srw", SRRW, "single_shuffling")
ALL = [(sampler, where) for sampler in SAMPLERS for where in PARTITIONS]


@pytest.mark.parametrize(
    ("sampler", "partition", "patterns", "trials"),
    [
        ("single_shuffling", "equal", ["dfl"], 200),
        ("srw", "dirichlet", ["lsgd_pp"], 200),
        *(
            pytest.param(sampler, partition, PATTERNS, TRIALS, marks=pytest.mark.slow)
            for sampler, partition in [*ALL, ("reshuffling", "equal")]
        ),
    ],
    ids=str,
)
def test_patterns(sampler: Any, partition: str, patterns: Sequence[str], trials: int) -> None:
    group = {"share": 1, "sampler": sampler, "graph": "small_world"}
    shares, forecasts, found = PARTITIONS[partition], Forecasts(), {}
    settings = {"partition": shares, "topology": "ring", "groups": {"all": group}}
    first = posed(AGENTS, trials, **settings)
    for pattern in patterns:
        communication = {"kind": pattern, **NEEDED.get(pattern, {})}
        problem = posed(AGENTS, trials, **settings, communication=communication)
        problem = replace(first, experiment=problem.experiment, schedule=problem.schedule)
        found[pattern] = [*departures(problem, forecasts)]
    assert not any(found.values()), found


def graph(name: str) -> nx.Graph:
    return {
        "ring": lambda: nx.cycle_graph(8),
        "star": lambda: nx.star_graph(7),
        "path": lambda: nx.path_graph(8),
        "edge": lambda: nx.path_graph(2),
        "tree": lambda: nx.full_rary_tree(2, 8),
        "hub": lambda: nx.wheel_graph(8),
        "complete": lambda: nx.complete_graph(8),
    }[name]()


@pytest.mark.parametrize(
    ("shape", "walks", "products", "trials"),
    [
        ("star", ["mhrw"], [0.6], 500),
        ("ring", ["nbrw"], [1.0], 500),
        *(
            pytest.param(shape, ["srw", "nbrw", "mhrw"], [0.6, 1.0], TRIALS, marks=pytest.mark.slow)
            for shape in ("ring", "star", "path", "edge", "tree", "hub", "complete")
        ),
    ],
    ids=str,
)
def test_walks(
    shape: str, walks: Sequence[str], products: Sequence[float], trials: int, tmp_path: Path
) -> None:
    """With γ⋆μ of 0.6 and 1."""
    nodes = graph(shape)
    path = tmp_path / "nodes.edgelist"
    nx.write_edgelist(nodes, path, data=False)
    found = {}
    for walk in walks:
        settings = {
            "partition": {"kind": "unequal", "sizes": [len(nodes)] * 2},
            "communication": "centralized",
            "groups": {
                "all": {"share": 1, "sampler": walk, "graph": {"kind": "file", "path": str(path)}}
            },
        }
        smallest = float(np.linalg.eigvalsh(posed(2, trials, **settings).hessian)[0])
        for product in products:
            problem = posed(2, trials, **settings, step_size={"gamma": product / smallest})
            found[walk, product] = [*departures(problem, Forecasts())]
    assert not any(found.values()), found
