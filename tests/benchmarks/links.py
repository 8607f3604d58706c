# ruff: noqa: T201
"""Milliseconds a step on two hosts with a slow link between them, against its latency."""

import re
import statistics
import sys
import tempfile
from pathlib import Path

from tests.slurm.cluster import cluster, lacking
from tests.slurm.queue import SCRIPT, Queue

# One-way delay in seconds, share of packets lost, steps for some ten seconds.
LINKS = ((0.0, 0.0, 24_000), (0.001, 0.0, 7_000), (0.02, 0.0, 500), (0.001, 0.01, 1_500))
# How often a step's data must cross the link one after the other.
CROSSINGS = {"dsgd": 1, "centralized": 2}
_RUN = ("--agents", 4, "--trials", 2, "--only", "all-srw", "--set", "record.predict=false")


def _milliseconds(queue: Queue, folder: Path, pattern: str, steps: int) -> float:
    """Median over stretches of five seconds."""
    flags = (*_RUN, "--steps", steps, "--set", f"communication.kind={pattern}", "--force")
    if pattern == "dsgd":
        flags += ("--set", "communication.weights=lazy")
    job = queue.sbatch("-N", 2, "-n", 2, SCRIPT, *flags)
    if queue.wait(job) != "COMPLETED":
        sys.exit((folder / f"udsgd-{job}.log").read_text())
    rates = re.findall(r"([\d,]+) steps/s", (folder / f"udsgd-{job}.log").read_text())
    return 1000 / statistics.median(float(rate.replace(",", "")) for rate in rates)


def main() -> None:
    """Print the table."""
    if reason := lacking():
        sys.exit(reason)
    print(f"| delay, ms | lost | {' | '.join(f'{p} | of it latency' for p in CROSSINGS)} |")
    with cluster() as slurm, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        queue = Queue(slurm, folder)
        for delay, loss, steps in LINKS:
            cells = [f"{1000 * delay:g}", f"{loss:.0%}"]
            slurm.network.delay, slurm.network.loss = delay, loss
            for pattern, crossings in CROSSINGS.items():
                measured = _milliseconds(queue, folder, pattern, steps // crossings)
                cells += [f"{measured:.2f}", f"{1000 * crossings * delay:g}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
