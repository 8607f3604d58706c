# ruff: noqa: T201
"""Time of drawing a point: samplers of users, in NumPy or compiled, beside the package's own.

500 points on a random graph of mean degree 20, one agent, blocks of 1,024 steps as a run draws
them. Repeats alternate; processor time.
"""

import time
from statistics import median
from typing import Any

import networkx as nx
import numpy as np
from numba import njit

from udsgd_mpi.graphs.transitions import TransitionMatrix
from udsgd_mpi.graphs.visits import Visits
from udsgd_mpi.samplers import IID, MHRW, SRW, Chain, CustomSampler, Sampler, Stream, Trace
from udsgd_mpi.testing.graphs import from_networkx

POINTS, MEAN_DEGREE, BLOCK, REPEATS = 500, 20, 1024, 7
TRIALS = (1, 8, 64, 120, 1000)


class CompiledWalk:
    """The lazy walk, its loop compiled by Numba."""

    on_graph = True
    memory = ("at",)

    def __init__(self, points: int, graph: Any, stay: float = 0.5) -> None:
        self.points, self.graph, self.stay = points, graph, stay

    def start(self, uniforms: np.ndarray) -> None:
        """Begin at a uniform point."""
        self.at = (uniforms * self.points).astype(np.int64)

    def draw(self, _steps: int, uniforms: np.ndarray) -> np.ndarray:
        """The next points, shape (steps, trials)."""
        out = np.empty(uniforms.shape, dtype=np.int64)
        walk(self.graph.indptr, self.graph.indices, self.stay, uniforms, self.at, out)
        return out


@njit
def walk(
    offsets: np.ndarray,
    neighbours: np.ndarray,
    stay: float,
    uniforms: np.ndarray,
    at: np.ndarray,
    out: np.ndarray,
) -> None:
    """Take steps of the lazy walk."""
    steps, trials = uniforms.shape
    for n in range(steps):
        for t in range(trials):
            x = at[t]
            out[n, t] = x
            u = (uniforms[n, t] - stay) / (1 - stay)
            if u >= 0:
                degree = offsets[x + 1] - offsets[x]
                at[t] = neighbours[offsets[x] + int(u * degree)]


def main() -> None:
    """Print the table."""
    graph = next(
        g
        for seed in range(100)
        if nx.is_connected(g := nx.gnp_random_graph(POINTS, MEAN_DEGREE / (POINTS - 1), seed=seed))
    )
    compressed = from_networkx(graph, "data graph")
    A = nx.to_scipy_sparse_array(graph, nodelist=range(POINTS), format="csr")
    P = A.multiply(1 / A.sum(axis=1)[:, None]).tocsr()
    path = np.empty((100_000, 1), dtype=np.int32)
    SRW().start(POINTS, compressed, Stream(2, 0, 1)).draw(path)
    rows: dict[str, tuple[Sampler, Any]] = {
        "iid": (IID(), None),
        "srw": (SRW(), compressed),
        "mhrw": (MHRW(), compressed),
        "chain of the simple walk": (Chain(path="P"), TransitionMatrix.of(P, "P")),
        "trace": (Trace(path="visits"), Visits(path[:, 0])),
        "lazy walk, NumPy": (CustomSampler(path="tests.own_sampler:LazyWalk"), compressed),
        "lazy walk, compiled": (
            CustomSampler(path="tests.benchmarks.own_samplers:CompiledWalk"),
            compressed,
        ),
        "Lévy jumps, NumPy": (CustomSampler(path="tests.own_sampler:LevyJumps"), None),
    }
    times: dict[tuple[str, int], list[float]] = {}
    for repeat in range(-1, REPEATS):  # -1 compiles and warms up
        for trials in TRIALS:
            for name, (sampler, ground) in rows.items():
                seconds = draw(sampler, ground, trials)
                if repeat >= 0:
                    times.setdefault((name, trials), []).append(1e9 * seconds)
    print(f"ns a step and trial, median of {REPEATS} (least), by the number of trials")
    print("| | " + " | ".join(map(str, TRIALS)) + " |\n" + "|---" * (len(TRIALS) + 1) + "|")
    for name in rows:
        cells = [f"{median(t):.1f} ({min(t):.1f})" for t in (times[name, k] for k in TRIALS)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def draw(sampler: Sampler, ground: Any, trials: int) -> float:
    """Seconds of processor time for a step of a trial."""
    path = sampler.start(POINTS, ground, Stream(1, 0, trials))
    out = np.empty((BLOCK, trials), dtype=np.int32)
    blocks = max(1, 64 // trials)
    started = time.process_time()
    for _ in range(blocks):
        path.draw(out)
    return (time.process_time() - started) / (blocks * out.size)


if __name__ == "__main__":
    main()
