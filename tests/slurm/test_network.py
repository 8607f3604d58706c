"""Two hosts with TCP between them give the bits of one, however slow or lossy the link is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch import udsgd
from tests.slurm.cluster import Cluster
from tests.slurm.queue import SCRIPT, Queue
from udsgd_mpi.testing.bits import bits_of

pytestmark = [pytest.mark.launcher, pytest.mark.timeout(600)]

RUN = (
    *("--agents", 4, "--trials", 2, "--steps", 200, "--only", "all-srw"),
    *("--set", "communication.weights=lazy", "--set", "record.predict=false", "--quiet"),
)
LINKS = {"1 ms": (0.001, 0.0), "20 ms": (0.020, 0.0), "1 ms, 1 % lost": (0.001, 0.01)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    done = udsgd(*RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    return bits_of(folder / "udsgd.h5")


@pytest.fixture(params=[pytest.param("1 ms", marks=pytest.mark.slow), "20 ms", "1 ms, 1 % lost"])
def link(slurm: Cluster, request: pytest.FixtureRequest) -> Iterator[None]:
    """Such a link between all hosts."""
    slurm.network.delay, slurm.network.loss = LINKS[request.param]
    yield
    slurm.network.delay = slurm.network.loss = 0.0


@pytest.mark.usefixtures("link")
def test_a_link_between_hosts(slurm: Cluster, alone: dict[str, bytes], tmp_path: Path) -> None:
    queue = Queue(slurm, tmp_path)
    before = slurm.network.packets
    job = queue.sbatch("-N", 2, "-n", 2, SCRIPT, *RUN)
    assert queue.wait(job) == "COMPLETED"
    assert slurm.network.packets - before > 2 * 200  # two messages a step
    assert bits_of(tmp_path / "udsgd.h5") == alone
