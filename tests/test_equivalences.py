"""Algorithms that are the same by different names take the same steps."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from tests import reference
from udsgd_mpi.communication import DSGD, Centralized
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.experiment.check import check
from udsgd_mpi.graphs.generators import Complete
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.testing.graphs import matrix

STEPS, TRIALS, L2, SEED = 40, 3, 0.5, 6


def run(agents: int, communication: Any, **settings: Any) -> Recording:
    """A run in this process, every step recorded."""
    experiment = check(
        {
            "agents": agents,
            "steps": STEPS,
            "trials": TRIALS,
            "seed": SEED,
            "data": {"source": "breast_cancer", "standardize": True},
            "objective": {"kind": "logistic", "l2": L2},
            "step_size": {"gamma": 0.5, "exponent": 0.6},
            "topology": "complete",
            "communication": communication,
            "groups": {"all": {"share": 1, "sampler": "iid"}},
            "record": {"detail": "iterates", "steps": list(range(STEPS + 1))},
            **settings,
        }
    )
    recording = simulate(MPI.COMM_SELF, pose(experiment, LoneTeam(agents)), lambda _: None)
    assert recording is not None
    return recording


def iterates(recording: Recording) -> np.ndarray:
    return recording["theta"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"kind": "lsgd_fp", "interval": 1}, {"kind": "centralized"}),
        ({"kind": "lsgd_pp", "participants": 6, "interval": 4}, {"kind": "lsgd_fp", "interval": 4}),
        ({"kind": "hlsgd", "clusters": 6, "outer": 4}, {"kind": "lsgd_fp", "interval": 4}),
        ({"kind": "hlsgd", "clusters": 1, "outer": 100}, {"kind": "dsgd"}),
        ({"kind": "dsgd_vt", "topologies": ["star"]}, {"kind": "dsgd", "topology": "star"}),
    ],
    ids=lambda pattern: str(pattern["kind"]),
)
def test_same_bits(one: dict[str, Any], other: dict[str, Any]) -> None:
    topology = other.pop("topology", "complete")
    first = iterates(run(6, one))
    second = iterates(run(6, other, topology=topology))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("agents", [2, 5, 8])
def test_uniform_weights_on_the_complete_graph_are_the_average(agents: int) -> None:
    topology = Complete().build(agents, 1, "topology")
    W = matrix(DSGD(weights="uniform").start(topology, 1), 1, agents)
    np.testing.assert_allclose(W, matrix(Centralized().start(topology, 1), 1, agents), atol=1e-15)
    first = iterates(run(agents, {"kind": "dsgd", "weights": "uniform"}))
    np.testing.assert_allclose(first, iterates(run(agents, "centralized")), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("participants", [1, 3, 7])
def test_partial_participation_is_federated_averaging(participants: int) -> None:
    """McMahan et al. (2017), algorithm 1, from the server's view."""
    agents, local_steps = 7, 4
    pattern = {"kind": "lsgd_pp", "participants": participants, "interval": local_steps}
    theta = iterates(run(agents, pattern))
    problem = pose(
        check(
            {
                "agents": agents,
                "seed": SEED,
                "data": {"source": "breast_cancer", "standardize": True},
                "communication": pattern,
                "groups": {"all": {"share": 1, "sampler": "iid"}},
            }
        ),
        LoneTeam(agents),
    )
    points = [agent.points for agent in problem.agents]
    for t in range(TRIALS):
        X = [
            list(islice(reference.iid_path(len(points[i].labels), SEED, i, t), STEPS))
            for i in range(agents)
        ]
        server = np.zeros(theta.shape[-1])
        for start in range(0, STEPS, local_steps):
            end = start + local_steps
            chosen = problem.schedule.mixing(end)
            clients = []
            for i in chosen.members:
                model = server.copy()
                for n in range(start, end):
                    x, y = points[i].features[X[i][n]], points[i].labels[X[i][n]]
                    gradient = reference.logistic_gradient(model, x, y, L2)
                    model -= 0.5 / (n + 1) ** 0.6 * gradient
                clients.append(model)
            server = np.mean(clients, axis=0)
            for i in chosen.successors:
                np.testing.assert_allclose(theta[end, t, i], server, rtol=1e-11, atol=1e-13)
