"""Models that walk over agents, by dense loops that share no code with the package."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from tests.reference import metropolis_walk, walk
from tests.small_problem import problem
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.problem import Problem
from udsgd_mpi.samplers import Stream

Floats = NDArray[np.float64]

AGENTS = 5
WALKS: dict[str, Any] = {
    "srw": "srw",
    "mhrw": "mhrw",
    "srrw": {"kind": "srrw", "alpha": 5, "b": 0.7},
}


def settings(pattern: Any, **others: Any) -> Experiment:
    """Five agents of a lollipop, a group of walkers and an agent with mini-batches."""
    return check(
        {
            "agents": AGENTS,
            "steps": 60,
            "trials": 3,
            "data": {"source": "breast_cancer", "standardize": True},
            "partition": {"kind": "even", "points": 40},
            "topology": {"kind": "barbell"},
            "communication": pattern,
            "groups": {
                "most": {"agents": "0-3", "sampler": "srw", "graph": "small_world"},
                "batches": {"agents": "4", "batch": 4, "sampler": "iid"},
            },
            "record": {"steps": [1, 2, 30, 60]},
            **others,
        }
    )


def token(kind: str, walks: int) -> dict[str, Any]:
    """Settings of the pattern."""
    return {"kind": "token", "walks": walks, "sampler": WALKS[kind]}


def on_points(data: Path, sampler: Any, **others: Any) -> Problem:
    """Four agents with forty points each, in two trials."""
    return problem(data, sampler, **{"trials": 2, "record": {"steps": [10]}, **others})


def graph_of(problem: Problem) -> nx.Graph:
    """The topology, with agents as nodes."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(problem.topology)))
    offsets, neighbours = problem.topology.offsets, problem.topology.neighbours
    for i in graph:
        graph.add_edges_from((i, int(j)) for j in neighbours[offsets[i] : offsets[i + 1]])
    return graph


def places(problem: Problem, kind: str, walks: int, steps: int) -> NDArray[np.int64]:
    """A_n of each walk and trial for n = 0, …, ``steps``, shape (steps + 1, walks, trials)."""
    run, graph = problem.experiment, graph_of(problem)
    seed = int(generator(run.seed, Purpose.MIXING).integers(2**63))
    found = np.empty((steps + 1, walks, run.trials), dtype=np.int64)
    for k in range(walks):
        for t in range(run.trials):
            if kind == "mhrw":
                path = metropolis_walk(graph, seed, k, run.first_trial + t, 0.0, 0.7)
            else:
                path = walk(kind, graph, seed, k, run.first_trial + t, 5.0, 0.7)
            found[:, k, t] = [next(path) for _ in range(steps + 1)]
    return found


def by_dense_loops(problem: Problem, kind: str, walks: int, last: int) -> Floats:
    """θ of all walks after the last step, shape (walks, trials, d)."""
    run, graph = problem.experiment, graph_of(problem)
    visited = places(problem, kind, walks, last)
    degrees = np.array([graph.degree(i) for i in range(len(graph))])
    law = np.full(len(graph), 1 / len(graph)) if kind == "mhrw" else degrees / degrees.sum()
    points = []
    for i, agent in enumerate(problem.agents):
        path = agent.sampler.start(
            agent.batches, agent.graph, Stream(run.seed, i, run.trials, run.first_trial)
        )
        drawn = np.empty((last, run.trials), dtype=np.int32)
        path.draw(drawn)
        points.append(drawn)
    trials = range(run.first_trial, run.first_trial + run.trials)
    theta = np.stack([problem.initial(trials).astype(np.float64)] * walks)
    for n in range(last):
        for k in range(walks):
            for t in range(run.trials):
                i = visited[n, k, t]
                agent, x = problem.agents[i], int(points[i][n, t])
                rows = np.arange(x * agent.batch, (x + 1) * agent.batch)
                slope = (
                    problem.objective.gradient(theta[k, t], agent.points.take(rows)) / agent.batch
                )
                gamma = float(run.step_size(n + 1, n + 1)[0])
                theta[k, t] -= gamma * slope / (len(graph) * law[i])
    return theta
