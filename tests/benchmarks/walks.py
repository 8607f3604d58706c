# ruff: noqa: T201
"""Time of a step of the self-repellent walks: on larger data graphs, and at larger degrees.

On a lattice, each node joined to its 20 nearest on a ring, a walk stays where the caches are warm,
and shows what a step computes; on a random regular graph every step also reads memory at a random
place, which large graphs do not keep in the caches. 8 trials of one agent; repeats alternate.
"""

import time
from statistics import median

import networkx as nx
import numpy as np

from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers import HDT, SRRW, Sampler, Stream
from udsgd_mpi.testing.graphs import from_networkx

TRIALS, STEPS, REPEATS = 8, 20_000, 7
SIZES = (500, 5_000, 50_000)
DEGREES = (5, 20, 80, 320)


def main() -> None:
    """Print the tables."""
    families = {
        "nodes of a lattice, degree 20": {
            n: nx.circulant_graph(n, list(range(1, 11))) for n in SIZES
        },
        "nodes of a random regular graph, degree 20": {
            n: nx.random_regular_graph(20, n, seed=1) for n in SIZES
        },
        "degree of a random regular graph, 500 nodes": {
            degree: nx.random_regular_graph(degree, 500, seed=1) for degree in DEGREES
        },
    }
    samplers: tuple[Sampler, ...] = (SRRW(), HDT())
    for title, drawn in families.items():
        graphs = {size: from_networkx(graph, title) for size, graph in drawn.items()}
        times: dict[tuple[str, int], list[float]] = {}
        for repeat in range(-1, REPEATS):  # -1 compiles and warms up
            for size, graph in graphs.items():
                for sampler in samplers:
                    seconds = draw(sampler, graph)
                    if repeat >= 0:
                        times.setdefault((sampler.name, size), []).append(seconds)
        print(f"\nns per trial and step, median of {REPEATS}, as a multiple of the first: {title}")
        print("| | " + " | ".join(map(str, graphs)) + " |\n" + "|---" * (len(graphs) + 1) + "|")
        for sampler in samplers:
            each = [1e9 * median(times[sampler.name, size]) for size in graphs]
            cells = [f"{value:.0f} ({value / each[0]:.2f})" for value in each]
            print(f"| {sampler.name} | " + " | ".join(cells) + " |", flush=True)


def draw(sampler: Sampler, graph: Graph) -> float:
    """Seconds of processor time for a step of a trial."""
    path = sampler.start(len(graph), graph, Stream(1, 0, TRIALS))
    out = np.empty((STEPS, TRIALS), dtype=np.int32)
    started = time.process_time()
    path.draw(out)
    return (time.process_time() - started) / (STEPS * TRIALS)


if __name__ == "__main__":
    main()
