"""How well a sampler explores its points."""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.samplers import CustomSampler, Sampler, Stream
from udsgd_mpi.theory.chains import ReversibleChain
from udsgd_mpi.theory.limit import long_run_covariance
from udsgd_mpi.theory.step_size import Polynomial

Floats = NDArray[np.float64]

_BLOCK = 1024
_LARGEST_GRAPH = 5000


@dataclass(frozen=True)
class Diagnosis:
    """A sampler on its points, test function by test function.

    Attributes
    ----------
    spectral_gap
        1 − λ₂ of the walk on a graph that the sampler is, or starts from: the simple random walk,
        or the Metropolis–Hastings walk; None for other samplers.
    functions
        Names of the test functions.
    relative_variance
        Asymptotic variance of the weighted mean of each function, lim n Var, over that of
        independent draws, shape (functions,); NaN where theory does not tell.
    measured_variance
        n Var over trials at the last step, over that of independent draws, (functions,).
    step
        n of the distances, shape (steps,).
    distance
        Mean over trials of the total-variation distance of the weighted visits from the uniform
        law, ½ Σ_x |Σ_s w(X_s) 1{X_s = x} / n − 1/B|, shape (steps,).
    """

    spectral_gap: float | None
    functions: list[str]
    relative_variance: Floats
    measured_variance: Floats
    step: NDArray[np.int64]
    distance: Floats


class MeasuredCost(NamedTuple):
    """What a sampler takes.

    Attributes
    ----------
    nanoseconds
        Measured processor time of drawing one point.
    memory
        Bytes that a trial must remember.
    """

    nanoseconds: float
    memory: int


def measured_cost(sampler: Sampler, points: int, graph: Ground | None) -> MeasuredCost:
    """What drawing points by a sampler takes, measured on a short path."""
    trials = 32
    path = sampler.start(points, graph, Stream(0, 0, trials))
    out = np.empty((2000, trials), dtype=np.int32)
    path.draw(out)  # loads what is compiled
    started = time.process_time()
    path.draw(out)
    nanoseconds = (time.process_time() - started) * 1e9 / out.size
    return MeasuredCost(nanoseconds, sum(array.nbytes for array in path.memory.values()) // trials)


def diagnose(
    sampler: Sampler, points: int, graph: Ground | None, steps: int, trials: int, seed: int
) -> Diagnosis:
    """Theory of a sampler, and what some of its paths do.

    Parameters
    ----------
    graph
        What it needs beside the points.

    Raises
    ------
    ValueError
        If ``steps`` or ``trials`` is too small to measure anything, or there are too many points
        for a spectrum.
    """
    if points > _LARGEST_GRAPH:
        raise ValueError(f"expected at most {_LARGEST_GRAPH} points, got {points}")
    if steps < 1 or trials < 2:
        raise ValueError(f"expected at least 1 step and 2 trials, got {steps} and {trials}")
    functions = {"half of the nodes": (np.arange(points) < points / 2).astype(np.float64)}
    gap = None
    if isinstance(graph, Graph):
        functions = {"degree": graph.degrees.astype(np.float64), **functions}
        if not isinstance(sampler, CustomSampler):
            values, vectors = _walk(sampler, graph).spectrum()
            gap = float(1 - values[-1])
            functions["slowest mode"] = vectors[:, -1]
    f = np.stack(list(functions.values()), axis=1)
    f -= f.mean(axis=0)
    independent = np.maximum((f**2).mean(axis=0), np.finfo(np.float64).tiny)
    weights = sampler.importance_weights("unbiased", points, graph)
    G = weights[:, None] * f
    noise = sampler.noise(G - sampler.stationary_law(points, graph) @ G, graph)
    limit = np.full(len(functions), np.nan)
    if noise is not None and noise.b != 1:
        limit = np.diag(long_run_covariance(noise, Polynomial()))
    step, distance, sums = _visits(sampler, points, graph, weights, f, steps, trials, seed)
    return Diagnosis(
        spectral_gap=gap,
        functions=list(functions),
        relative_variance=np.asarray(limit / independent),
        measured_variance=np.asarray(sums.var(axis=0, ddof=1) / steps / independent),
        step=step,
        distance=distance,
    )


def _walk(sampler: Sampler, graph: Graph) -> ReversibleChain:
    if sampler.degree_biased:
        return ReversibleChain.simple(graph)
    return ReversibleChain.metropolis_hastings(graph)


def _visits(
    sampler: Sampler,
    points: int,
    graph: Ground | None,
    weights: Floats,
    f: Floats,
    steps: int,
    trials: int,
    seed: int,
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Steps looked at, distances there, and Σ_s w(X_s) f(X_s) of each trial at the last step."""
    path = sampler.start(points, graph, Stream(seed, 0, trials))
    looked_at = np.unique(np.rint(np.geomspace(min(10, steps), steps, 8)).astype(np.int64))
    visits = np.zeros((trials, points))
    distances = []
    done = 0
    for n in looked_at.tolist():
        while done < n:
            X = np.empty((min(_BLOCK, n - done), trials), dtype=np.int32)
            path.draw(X)
            for t in range(trials):
                visits[t] += np.bincount(X[:, t], minlength=points)
            done += len(X)
        shares = visits * weights / n
        distances.append(abs(shares - 1 / points).sum(axis=1).mean() / 2)
    return looked_at, np.array(distances), (visits * weights) @ f
