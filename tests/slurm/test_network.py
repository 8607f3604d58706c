"""Two hosts with TCP between them: the same bits on any link, at the latency's pace.

One exchange between neighbours crosses the link once a step, so that a step takes at least the
delay; the average of all crosses it twice. A lost packet costs TCP some 200 ms.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch import udsgd
from tests.slurm.cluster import Cluster
from tests.slurm.queue import SCRIPT, Queue
from tests.test_bits import datasets

pytestmark = pytest.mark.launcher

RUN = ("--agents", 4, "--trials", 2, "--only", "all-srw", "--set", "record.predict=false")
LINKS = {
    "1 ms": (0.001, 0.0, 4000),
    "20 ms": (0.020, 0.0, 400),
    "1 ms, 1 % lost": (0.001, 0.01, 800),
}
CROSSINGS = {"dsgd": 1, "centralized": 2}


@pytest.fixture(params=LINKS)
def link(slurm: Cluster, request: pytest.FixtureRequest) -> Iterator[tuple[float, int]]:
    """Delay of the link, and as many steps as take seconds on it."""
    slurm.network.delay, slurm.network.loss, steps = LINKS[request.param]
    yield slurm.network.delay, steps
    slurm.network.delay = slurm.network.loss = 0.0


@pytest.mark.parametrize("pattern", CROSSINGS)
def test_a_link_between_hosts(
    pattern: str, link: tuple[float, int], slurm: Cluster, tmp_path: Path, record_property
) -> None:
    delay, steps = link
    queue = Queue(slurm, tmp_path)
    flags = (*RUN, "--steps", steps)
    if pattern != "dsgd":
        flags += ("--set", f"communication.kind={pattern}")
    job = queue.sbatch("-N", 2, "-n", 2, SCRIPT, *flags)
    assert queue.wait(job) == "COMPLETED"
    alone = tmp_path / "alone"
    alone.mkdir()
    assert udsgd(*flags, cwd=alone).returncode == 0
    assert datasets(tmp_path / "udsgd.h5") == datasets(alone / "udsgd.h5")
    log = (tmp_path / f"udsgd-{job}.log").read_text()
    print(pattern, delay, log)
