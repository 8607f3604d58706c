# ruff: noqa: T201
"""The cost model of ``--dry-run`` against runs, what a message costs, and a cluster's time.

Seconds a step of 16 to 1,000 agents, least of some repeats, beside what ``udsgd_mpi.preflight``
says before: on one rank of processor time, on two ranks of the clock on the wall, which needs two
cores that nobody else uses. Then what it says of 10,000 agents on 100 nodes.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from tests.launch import python
from udsgd_mpi.communication import Layout
from udsgd_mpi.engine.draws import block_length
from udsgd_mpi.experiment.read import variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.simulation import Simulation
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.preflight.cost import WITHIN_A_HOST, Network, cost
from udsgd_mpi.problem import LoneTeam, pose

DSGD = {"kind": "dsgd", "weights": "lazy"}
CASES: tuple[tuple[int, int, str, dict[str, Any], str], ...] = (
    # agents, trials, data, pattern, sampler
    (16, 1, "breast_cancer", DSGD, "iid"),
    (16, 120, "breast_cancer", DSGD, "iid"),
    (16, 120, "digits", {"kind": "centralized"}, "srw"),
    (100, 120, "breast_cancer", DSGD, "srrw"),
    (100, 20, "digits", {"kind": "hlsgd"}, "nbrw"),
    (100, 20, "breast_cancer", {"kind": "lsgd_pp", "participants": 10}, "mhrw"),
    (100, 20, "breast_cancer", {"kind": "random_matching"}, "iid"),
    (1000, 20, "breast_cancer", DSGD, "srw"),
    (1000, 20, "breast_cancer", {"kind": "centralized"}, "iid"),
)
REPEATS, SECONDS = 10, 0.1
SIZES = (8, 1_000, 10_000, 100_000, 1_000_000)
CLUSTER = Network(5e-6, 10e9)  # assumed


def main() -> None:
    """Start the ranks, or be one."""
    if len(sys.argv) == 1:
        root = Path(__file__).parents[2]
        for ranks in (1, 2):
            done = python("-m", "tests.benchmarks.cost", "rank", ranks=ranks, cwd=root, timeout=900)
            print(done.stdout, done.stderr if done.returncode else "", flush=True)
        ten_thousand_agents()
        return
    comm = MPI.COMM_WORLD
    if comm.size > 1:
        messages(comm)
    if comm.rank == 0:
        print(f"{comm.size} ranks: agents, trials, data, pattern, sampler, of the model, measured")
    for case in CASES:
        compare(comm, *case)


def experiment(
    agents: int, trials: int, data: str, communication: dict[str, Any], sampler: str, steps: int
) -> Experiment:
    return variants(
        {
            "agents": agents,
            "steps": steps,
            "trials": trials,
            "data": {"source": data},
            "partition": "even" if "." in data else "shared",
            "topology": "small_world",
            "step_size": {"gamma": 1e-3},
            "communication": communication,
            "groups": {"all": {"share": 1, "sampler": sampler, "graph": "small_world"}},
            "record": {"steps": [steps], "predict": False},
        },
        {},
    )["main"]


def compare(comm: MPI.Intracomm, agents: int, trials: int, data: str, *rest: Any) -> None:
    settings = experiment(agents, trials, data, *rest, steps=10**6)
    expected = 0.0
    if comm.rank == 0:
        expected = sum(cost(pose(settings, LoneTeam(agents)), Layout.even(agents, comm.size)))
    expected = comm.bcast(expected)
    # Whole blocks of draws, as a block is drawn even where a run ends inside of it.
    block = block_length(max(Layout.even(agents, comm.size).counts), trials)
    steps = block * max(1, round(SECONDS / expected / block))
    problem = pose(
        experiment(agents, trials, data, *rest, steps=steps),
        RanksTeam.evenly(comm, agents),
    )
    measured = []
    clock = time.process_time if comm.size == 1 else time.perf_counter
    for _ in range(REPEATS):
        simulation = Simulation(comm, problem, go_on=True)
        control = Control(comm, Policy())
        control.next = steps + 1
        comm.Barrier()
        started = clock()
        simulation.run(control, lambda _n: None, lambda: None)
        measured.append(comm.allreduce(clock() - started, MPI.MAX) / steps)
    if comm.rank == 0:
        pattern, sampler = rest
        print(
            f"| {agents} | {trials} | {data} | {pattern['kind']} | {sampler} | {expected * 1e6:.0f}"
            f" | {min(measured) * 1e6:.0f} | {expected / min(measured):.2f} |",
            flush=True,
        )


def messages(comm: MPI.Intracomm) -> None:
    """Seconds of a message and bytes a second, from exchanges of two ranks."""
    seconds = []
    for size in SIZES:
        out, back = np.zeros(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
        count = max(10, 2_000_000 // (size + 2000))
        best = np.inf
        for _ in range(30):
            comm.Barrier()
            started = time.perf_counter()
            for _ in range(count):
                comm.Sendrecv(out, 1 - comm.rank, recvbuf=back, source=1 - comm.rank)
            best = min(best, (time.perf_counter() - started) / count)
        seconds.append(best)
    bandwidth = (SIZES[-1] - SIZES[0]) / (seconds[-1] - seconds[0])
    if comm.rank == 0:
        shown = ", ".join(f"{s:,} B {t * 1e6:.2f} µs" for s, t in zip(SIZES, seconds, strict=True))
        print(f"exchanges: {shown}; so {seconds[0] * 1e6:.1f} µs and {bandwidth / 1e9:.2f} GB/s")
        print(f"the model has {WITHIN_A_HOST}")


def ten_thousand_agents() -> None:
    """What 10,000 agents would take on 100 nodes, with 1 or 16 ranks on each."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.svm"
        rows = (
            f"{2 * (k % 2) - 1} " + " ".join(f"{j}:{x:.3f}" for j, x in enumerate(row, start=1))
            for k, row in enumerate(rng.normal(size=(50_000, 22)))
        )
        path.write_text("\n".join(rows))
        for pattern in (DSGD, {"kind": "centralized"}):
            settings = experiment(10_000, 120, str(path), pattern, "iid", steps=30_000)
            problem = pose(settings, LoneTeam(10_000))
            for ranks in (100, 1600):
                work, exchange = cost(problem, Layout.even(10_000, ranks), CLUSTER)
                print(
                    f"10,000 agents, 120 trials, d = 22, {pattern['kind']}, {ranks} ranks:"
                    f" {work * 1e3:.2f} ms of work and {exchange * 1e3:.2f} ms of messages a step,"
                    f" {(work + exchange) * 30_000 / 60:.1f} minutes for 30,000",
                    flush=True,
                )


if __name__ == "__main__":
    main()
