"""What is foretold of first steps is the same on any number of ranks."""

from pathlib import Path

import pytest
from mpi4py import MPI

from tests.small_problem import problem, write_points
from udsgd_mpi.forecast.explosions import explosions
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import LoneTeam, Problem, pose

COMM = MPI.COMM_WORLD
AGENTS = 7


@pytest.mark.mpi
@pytest.mark.parametrize("portable", [True, False])
def test_all_ranks_foretell_what_one_process_does(
    portable: bool, mpi_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where data may be sent to other ranks, and where they stay."""
    path = mpi_tmp_path / "points.svm"
    if COMM.rank == 0:
        write_points(path)
    COMM.barrier()
    settings = {
        "agents": AGENTS,
        "trials": 30,
        "steps": 40,
        "communication": {"kind": "centralized", "interval": 3},
        "objective": {"kind": "ridge"},
        "step_size": {"gamma": 3.0, "exponent": 0.7},
    }
    whole = problem(path, "srrw", **settings)
    expected = explosions(whole, LoneTeam(AGENTS))
    assert expected is not None
    monkeypatch.setattr(Problem, "portable", property(lambda _: portable))
    team = RanksTeam.evenly(COMM, AGENTS)
    assert explosions(pose(whole.experiment, team), team) == expected
