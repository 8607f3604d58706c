# ruff: noqa: T201
"""Time that recording takes of a run: 100 agents on 2 ranks, 120 trials, 200 records.

A variant of Fig. 2(c) runs for a few steps with 200 records and with one; the difference is what
gathering takes. Writing the file is timed apart, as it looks at the clock: a job writes at most
every two seconds, and never more than a fiftieth of the time. Repeats alternate.

Needs UDSGD_DATA to name a folder with ijcnn1.bz2 and facebook_combined.txt.gz.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from mpi4py import MPI
from msgspec import structs

from tests.benchmarks.mixing import spread
from tests.benchmarks.study import ALL, experiment
from tests.launch import python
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.experiment.schema import Record
from udsgd_mpi.parallel.rebalance import balanced
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import pose
from udsgd_mpi.storage.result import run_of
from udsgd_mpi.storage.write import write_results

STEPS, RECORDS, REPEATS = 1000, 200, 7


def main() -> None:
    """Start two ranks, or be one of them."""
    if len(sys.argv) == 1:
        arguments = ("-m", "tests.benchmarks.recording", "rank")
        done = python(*arguments, ranks=2, cwd=Path(__file__).parents[2], timeout=600)
        print(done.stdout, done.stderr if done.returncode else "")
        return
    comm = MPI.COMM_WORLD
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.toml"
        file.write_text(experiment("c", STEPS))
        (asked,) = variants(read_experiment(file), {}).values()
        problem = balanced(comm, pose(asked, RanksTeam.evenly(comm, 100)))
        times: dict[int, list[float]] = {1: [], RECORDS: []}
        writing = []
        for repeat in range(-1, REPEATS):  # -1 warms up
            for records, seconds in times.items():
                every = STEPS // records
                record = Record(steps=list(range(every, STEPS + 1, every)))
                recorded = replace(problem, experiment=structs.replace(asked, record=record))
                comm.Barrier()
                started = time.perf_counter()
                recording = simulate(comm, recorded, lambda _n: None)
                if repeat >= 0:
                    seconds.append(comm.allreduce(time.perf_counter() - started, MPI.MAX))
            if recording:
                started = time.perf_counter()
                run = run_of(recorded, recording, None, complete=False)
                write_results(Path(folder) / "study.h5", {}, {"c": run})
                writing.append(time.perf_counter() - started)
    if comm.rank == 0:
        gather = [(b - a) / RECORDS for a, b in zip(times[1], times[RECORDS], strict=True)]
        step = [(a - r) / STEPS for a, r in zip(times[1], gather, strict=True)]
        share = [RECORDS * r / (ALL * s) for r, s in zip(gather, step, strict=True)]
        print(f"a step {spread(step, 1e3)} ms, a record {spread(gather, 1e3)} ms")
        print(f"{RECORDS} records in {ALL:,} steps: {spread(share, 100)} % of the run")
        print(f"writing a file with all of them: {spread(writing, 1e3)} ms")


if __name__ == "__main__":
    main()
