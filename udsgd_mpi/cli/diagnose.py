"""``udsgd diagnose``."""

from argparse import Namespace

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.diagnose import diagnosed, graph_of
from udsgd_mpi.api.plan import sampler_of
from udsgd_mpi.cli.settings import all_assigned, value_of
from udsgd_mpi.forecast.diagnosis import measured_cost


def command(arguments: Namespace) -> None:
    """Print how well a sampler explores a graph."""
    sampler = sampler_of(value_of(arguments.sampler), "sampler")
    graph = graph_of(arguments.graph, arguments.points, arguments.seed, all_assigned(arguments))
    found = diagnosed(sampler, graph, arguments.steps, arguments.trials, arguments.seed)
    print(f"{sampler.name} on {len(graph)} points of mean degree {graph.mean_degree:.4g}")
    gap = found.spectral_gap
    print(f"spectral gap 1 − λ₂ = {gap:.4g}, relaxation time {1 / gap:,.0f} steps")
    taken = measured_cost(sampler, len(graph), graph)
    print(f"{taken.nanoseconds:.0f} ns to draw a point, {taken.memory:,} bytes to remember a trial")
    print(f"\nvariance of means over that of independent draws, n = {arguments.steps:,}")
    rows = [["function", "in the limit", "measured", "effective sample size"]]
    for function, limit, measured in zip(
        found.functions, found.relative_variance, found.measured_variance, strict=True
    ):
        size = f"{arguments.steps / measured:,.0f}" if measured > 0 else "∞"
        rows.append([function, f"{limit:.4g}", f"{measured:.4g}", size])
    print(aligned(rows, left=(0,), indent=2))
    print("\ntotal-variation distance of the weighted visits from the uniform law")
    rows = [["n", "distance"]]
    rows += [[f"{n:,}", f"{d:.4f}"] for n, d in zip(found.step, found.distance, strict=True)]
    print(aligned(rows, indent=2))
