# ruff: noqa: T201
"""What a run of up to a hundred million steps takes before its first step, and for its prediction.

D-SGD with an exchange after every step: four i.i.d. agents on two ranks, two trials, d = 30. The
run is stopped soon after its millionth step, from which its own time is extrapolated.
"""

import sys
import time
from pathlib import Path
from statistics import median

from tests.launch import python

RANKS, REPEATS = 2, 3
HEADS = ("first step, s", "peak, MB", "all steps, s", "prediction, s", "peak, MB")


def main() -> None:
    """Start some jobs and print the table, or be a rank of one."""
    if len(sys.argv) > 1:
        one_rank(int(sys.argv[1]), float(sys.argv[2]))
        return
    print(f"median (min–max) of {REPEATS}; memory of the largest rank")
    print(f"| steps | {' | '.join(HEADS)} |\n{'|---' * (len(HEADS) + 1)}|")
    for steps in (10**4, 10**6, 10**8):
        rows = [job(steps) for _ in range(REPEATS)]
        cells = [
            f"{median(column):.3g} ({min(column):.3g}–{max(column):.3g})"
            for column in zip(*rows, strict=True)
        ]
        print(f"| {steps:,} | {' | '.join(cells)} |", flush=True)


def job(steps: int) -> list[float]:
    """What one run took: a number for each column."""
    arguments = ("-m", "tests.benchmarks.many_steps", steps, time.monotonic())
    done = python(*arguments, ranks=RANKS, cwd=Path(__file__).parents[2], timeout=600)
    if done.returncode:
        sys.exit(done.stderr)
    return [float(number) for number in done.stdout.split()]


def one_rank(steps: int, started: float) -> None:
    """Take up to a million steps as ``udsgd run`` does, predict all, and print what that took."""
    from udsgd_mpi.support.launcher import before_mpi

    before_mpi()
    from mpi4py import MPI

    from udsgd_mpi.parallel.loading import load_in_turn

    comm = MPI.COMM_WORLD
    load_in_turn(comm)

    from udsgd_mpi.experiment.check import check
    from udsgd_mpi.forecast import predict
    from udsgd_mpi.parallel.control import Control, Policy
    from udsgd_mpi.parallel.gather_telemetry import peak_resident_memory
    from udsgd_mpi.parallel.simulation import Simulation
    from udsgd_mpi.parallel.team import RanksTeam
    from udsgd_mpi.problem import pose

    experiment = check(
        {
            "agents": 4,
            "steps": steps,
            "trials": 2,
            "communication": "dsgd",
            "data": {"source": "breast_cancer", "standardize": True},
            "groups": {"all": {"share": 1, "sampler": "iid"}},
        }
    )
    team = RanksTeam.evenly(comm, 4)
    problem = pose(experiment, team)
    marks: list[tuple[int, float]] = []

    def stop() -> bool:
        return simulation.n >= 10**6

    simulation = Simulation(comm, problem)
    control = Control(comm, Policy(stop_requested=stop))
    simulation.run(control, lambda n: marks.append((n, time.monotonic())), lambda: None)
    (n, first), (m, last) = marks[0], marks[-1]
    before = peak_resident_memory()
    now = time.monotonic()
    predict(problem, team, experiment.record.at(steps))
    row = [first - started, before / 1e6, (last - first) / (m - n) * steps, time.monotonic() - now]
    largest = [comm.allreduce(number, MPI.MAX) for number in [*row, peak_resident_memory() / 1e6]]
    if comm.rank == 0:
        print(*largest)


if __name__ == "__main__":
    main()
