"""What a run, and its plan, take before the first step does not grow with the steps."""

import time
import tracemalloc
from pathlib import Path

import pytest
from mpi4py import MPI

from tests.small_problem import problem, write_points
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.simulation import Simulation
from udsgd_mpi.preflight.dry_run import describe

LAST = 2**31 - 1
PATTERNS = [
    {"kind": "dsgd"},
    {"kind": "dfl", "interval": "loglog"},
    {"kind": "lsgd_rc"},
    {"kind": "lsgd_pp", "participants": 2},
    {"kind": "hlsgd"},
    {"kind": "unreliable_links"},
    {"kind": "one_peer_exponential"},
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


@pytest.mark.parametrize("polyak", [False, True], ids=["", "polyak"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern["kind"])
def test_two_thousand_million_steps_begin_like_few(
    pattern: dict[str, object], polyak: bool, data: Path
) -> None:
    posed = problem(
        data, "iid", steps=LAST, trials=2, communication=pattern, record={"polyak": polyak}
    )
    tracemalloc.start()
    started = time.process_time()
    control = Control(MPI.COMM_SELF, Policy(stop_requested=lambda: simulation.n >= 100))
    simulation = Simulation(MPI.COMM_SELF, posed)
    simulation.run(control, lambda _n: None, lambda: None)
    seconds = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 100 <= simulation.n < LAST
    assert peak < 20e6
    assert seconds < 10


def test_two_thousand_million_steps_are_planned_at_once(data: Path) -> None:
    posed = problem(data, "iid", steps=LAST, trials=2, communication={"kind": "dsgd"})
    tracemalloc.start()
    text = describe("many", posed.experiment, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "2,147,483,647 aggregations" in text
    assert peak < 50e6
