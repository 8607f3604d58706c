"""``udsgd diagnose``."""

from argparse import Namespace

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.diagnose import diagnosed, explored, graph_of
from udsgd_mpi.api.plan import sampler_of
from udsgd_mpi.cli.settings import parameters_assigned, value_of
from udsgd_mpi.forecast.diagnosis import measured_cost


def command(arguments: Namespace) -> None:
    """Print how well a sampler explores its points."""
    sampler = sampler_of(value_of(arguments.sampler), "sampler")
    name, points, over = arguments.graph, arguments.points, parameters_assigned(arguments)
    graph = None if name is None else graph_of(name, points, arguments.seed, over)
    what = explored(sampler, graph, points)
    found = diagnosed(what, arguments.steps, arguments.trials, arguments.seed)
    of_degree = "" if graph is None else f" of mean degree {graph.mean_degree:.4g}"
    print(f"{sampler.name} on {what.points} points{of_degree}")
    if found.spectral_gap is not None:
        gap = found.spectral_gap
        print(f"spectral gap 1 − λ₂ = {gap:.4g}, relaxation time {1 / gap:,.0f} steps")
    taken = measured_cost(*what)
    print(f"{taken.nanoseconds:.0f} ns to draw a point, {taken.memory:,} bytes to remember a trial")
    weights = what.sampler.importance_weights("unbiased", what.points, what.graph)
    if (heaviest := float(weights.max())) > 1:
        print(
            f"largest weight w = {heaviest:.4g}, of point {weights.argmax()}: a step there"
            f" overshoots where γₙλ is above {2 / heaviest:.3g}, λ the largest curvature of F there"
        )
    print(f"\nvariance of means over that of independent draws, n = {arguments.steps:,}")
    rows = [["function", "in the limit", "measured", "effective sample size"]]
    for function, limit, measured in zip(
        found.functions, found.relative_variance, found.measured_variance, strict=True
    ):
        size = f"{arguments.steps / measured:,.0f}" if measured > 0 else "∞"
        in_theory = "not known" if np.isnan(limit) else f"{limit:.4g}"
        rows.append([function, in_theory, f"{measured:.4g}", size])
    print(aligned(rows, left=(0,), indent=2))
    print("\ntotal-variation distance of the weighted visits from the uniform law")
    rows = [["n", "distance"]]
    rows += [[f"{n:,}", f"{d:.4f}"] for n, d in zip(found.step, found.distance, strict=True)]
    print(aligned(rows, indent=2))
    for caution in what.sampler.cautions(what.points, what.graph):
        print(f"warning: {caution}")
