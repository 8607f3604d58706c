"""Ranks that sleep for the virtual clock take as long as it says, and no less."""

import time
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from udsgd_mpi.clock import elapsed
from udsgd_mpi.engine.states import message_of_run
from udsgd_mpi.experiment.check import check
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.simulation import Simulation
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import pose

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
STEPS = 3
LAST = COMM.size - 1
FAR = {
    "regions": {"near": f"0-{max(0, LAST - 1)}", "far": f"{LAST}"},
    "seconds": {"near": {"near": 0.002, "far": 0.03}, "far": {"near": 0.005, "far": 0.0}},
}


@pytest.mark.parametrize(
    "pattern",
    [
        {"kind": "dsgd", "weights": "lazy"},
        {"kind": "random_matching"},
        {"kind": "centralized"},
        {"kind": "lsgd_pp", "participants": max(1, LAST), "interval": 1},
    ],
    ids=lambda pattern: str(pattern["kind"]),
)
def test_messages_are_late_by_their_latencies(pattern: dict[str, Any]) -> None:
    """θ is that of a run without sleep; that other ranks are slow makes no rank early."""
    settings = {
        "agents": COMM.size,
        "steps": STEPS,
        "trials": 1,
        "communication": pattern,
        "topology": "complete",
        "groups": {"all": {"sampler": "iid"}},
        "timing": {
            "compute": {"kind": "exponential", "mean": 1e-3},
            "latency": FAR if LAST else 0.03,
            "bandwidth": np.linspace(1e5, 1e6, COMM.size).tolist(),
        },
        "record": {"steps": [STEPS], "theta": True},
    }
    posed = pose(check(settings), RanksTeam.evenly(COMM, COMM.size))
    message = message_of_run(posed.experiment, posed.objective, posed.d)
    simulated = elapsed(posed.schedule, posed.clock, COMM.size, message, np.array([STEPS])).seconds
    assert simulated is not None
    took, recordings = [], []
    for emulate in (False, True):
        simulation = Simulation(COMM, posed, emulate=emulate)
        control = Control(COMM, Policy())
        control.next = STEPS + 1  # looks at the clock would bring all ranks together
        COMM.Barrier()
        began = time.perf_counter()
        simulation.run(control, lambda _: None, lambda: None)
        took.append(time.perf_counter() - began)
        recordings.append(simulation.recording)
    assert took[1] >= simulated[-1, COMM.rank]
    assert COMM.allreduce(took[1], MPI.MAX) < simulated[-1].max() + took[0] + 5  # of a busy machine
    if COMM.rank == 0:
        without, with_sleep = (each["theta_mean"] for each in recordings if each)
        np.testing.assert_array_equal(without, with_sleep)
