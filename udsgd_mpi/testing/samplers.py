"""What every sampler has to keep."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from unittest import SkipTest

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.spectral import LongRunCovariance
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.samplers import IID, PathsOfSeveral, SamplePath, Sampler, Stream, Streams
from udsgd_mpi.testing.contract import (
    ContractError,
    deviation,
    require,
    require_close,
    require_same,
)
from udsgd_mpi.testing.graphs import DATA_GRAPHS, from_networkx
from udsgd_mpi.testing.runs import RunContract, as_settings

Indices = NDArray[np.int32]

SEED, AGENT, TRIALS = 11, 3, 6
DEVIATIONS = 5.0
_ROUNDING = 1e-12
_STEPS = 20_000  # of which visits are counted
_INDEPENDENT = 100  # trials of which means and their standard errors are taken
_PATHS, _STEPS_OF_PATHS = 32, 2**15  # of which U is estimated
_BEYOND = 0.05


class SamplerContract(RunContract):
    """Paths that depend on the random numbers handed in, and on nothing else; visits as π says.

    Attributes
    ----------
    sampler
        The member.
    graphs
        Data graphs to try it on.
    bias
        Relative departure of visits from π that is left after ``burn_in`` steps.
    """

    basis = "test_the_same_numbers_give_the_same_path"
    sampler: ClassVar[Sampler]
    graphs: ClassVar[Mapping[str, nx.Graph]] = DATA_GRAPHS
    bias: ClassVar[float] = 0.0
    burn_in: ClassVar[int] = 10_000

    def settings(self) -> dict[str, Any]:
        return {"groups": {"all": {"sampler": as_settings(self.sampler)}}}

    def ground(self, graph: nx.Graph) -> Ground:
        """What the sampler needs on the points of a graph: the graph, or what takes its place."""
        return from_networkx(graph)

    def start(self, graph: nx.Graph, stream: Stream) -> SamplePath:
        """The path of one agent."""
        return self.sampler.start(len(graph), self.ground(graph), stream)

    def draw(self, graph: nx.Graph, blocks: Sequence[int], **stream: int) -> Indices:
        """Points of a path that is drawn in blocks of these lengths, shape (steps, trials)."""
        given = Stream(**({"seed": SEED, "agent": AGENT, "trials": TRIALS} | stream))
        return _drawn(self.start(graph, given), blocks, given.trials)

    def test_draws_are_points(self) -> None:
        for name, graph in self.graphs.items():
            path = self.draw(graph, [500])
            inside = (path >= 0) & (path < len(graph))
            if not inside.all():
                n, t = np.argwhere(~inside)[0]
                raise ContractError(
                    f"X_{n} of trial {t} on the {name} graph: expected one of the points 0 to"
                    f" {len(graph) - 1}, got {path[n, t]}; return numbers of points"
                )

    def test_the_same_numbers_give_the_same_path(self) -> None:
        for name, graph in self.graphs.items():
            require_same(
                self.draw(graph, [200]),
                self.draw(graph, [200]),
                f"X{{}} on the {name} graph, drawn again from the same numbers",
                "draw from the numbers that are handed in, and keep nothing outside of the object",
            )

    def test_the_size_of_blocks_does_not_matter(self) -> None:
        for name, graph in self.graphs.items():
            require_same(
                self.draw(graph, [1, 2, 300, 97, 299, 1]),
                self.draw(graph, [700]),
                f"X{{}} on the {name} graph, drawn in blocks of 1, 2, 300, 97, 299 and 1 steps"
                " instead of at once",
                "a step may depend on the steps before it, not on where a block begins or ends",
            )

    def test_a_path_goes_on_from_its_memory(self) -> None:
        for name, graph in self.graphs.items():
            for n in (0, 1, 130, 1400):
                blocks = [n, 1500 - n] if n else [1500]
                whole = self.draw(graph, blocks)
                first, second = (self.start(graph, Stream(SEED, AGENT, TRIALS)) for _ in range(2))
                _drawn(first, blocks[:-1], TRIALS)
                second.recall(first.n, {key: kept.copy() for key, kept in first.memory.items()})
                require_same(
                    _drawn(second, blocks[-1:], TRIALS),
                    whole[n:],
                    f"X{{}} after step {n} on the {name} graph, of a path that is resumed there",
                    "declare all that further steps depend on as memory",
                )

    def test_a_trial_does_not_know_the_others(self) -> None:
        for name, graph in self.graphs.items():
            whole = self.draw(graph, [300])
            for t in (0, TRIALS - 1):
                require_same(
                    self.draw(graph, [300], trials=1, first_trial=t),
                    whole[:, t : t + 1],
                    f"X{{}} of trial {t} on the {name} graph, drawn alone instead of among"
                    f" {TRIALS} trials",
                    "use the numbers and the state of a trial for that trial only",
                )

    def test_an_agent_does_not_know_the_others(self) -> None:
        """Whatever other agents' samplers and graphs are, and however many share one."""
        for name, of_networkx in self.graphs.items():
            circle = nx.cycle_graph(9)
            own, ring = self.ground(of_networkx), self.ground(circle)
            graphs = [own, ring, own, ring, own]
            samplers = [self.sampler, self.sampler, IID(), self.sampler, self.sampler]
            points = [len(circle if ground is ring else of_networkx) for ground in graphs]
            numbers = np.array([4, 0, 7, AGENT, 2])
            together = PathsOfSeveral(samplers, points, graphs, Streams(SEED, numbers, 3))
            blocks = (1, 599, 300)
            whole = np.empty((sum(blocks), len(numbers), 3), dtype=np.int32)
            for block in np.split(whole, np.cumsum(blocks)[:-1]):
                together.draw(block)
            for k, sampler in enumerate(samplers):
                alone = sampler.start(points[k], graphs[k], Stream(SEED, int(numbers[k]), 3))
                require_same(
                    whole[:, k],
                    _drawn(alone, blocks, 3),
                    f"X{{}} of agent {numbers[k]} on the {name} graph, drawn beside those of four"
                    " others instead of alone",
                    "keep what a path depends on in its object, not in the class or module",
                )

    def test_visits_reach_the_stationary_law(self) -> None:
        """Within 5 standard errors over 100 independent trials, and one visit, after ``burn_in``.

        False alarm: each of 38 points is beyond 5 with probability 3e-6 (Student's t with 99
        degrees of freedom), any of them with 1e-4.
        """
        for name, graph in self.graphs.items():
            law = self.sampler.stationary_law(len(graph), self.ground(graph))
            visits = self.visits(graph, _STEPS)
            mean, error = visits.mean(axis=0), standard_error(visits)
            off = np.abs(mean - law) - self.bias * law - 1 / _STEPS
            if (off > DEVIATIONS * error).any():
                x = int(np.argmax(off / (error + _ROUNDING)))
                raise ContractError(
                    f"visits of point {x} of the {name} graph: expected π = {law[x]:.5f}, got"
                    f" {mean[x]:.5f} ± {error[x]:.5f} ({deviation(mean[x] - law[x], error[x])});"
                    " correct what is drawn, or the law, which is uniform where none is given; a"
                    " path that settles later needs a longer burn_in"
                )

    def test_unbiased_weights_recover_the_uniform_mean(self) -> None:
        """E_π[w g] is the mean of g over all points, for three functions g."""
        for name, graph in self.graphs.items():
            compressed = self.ground(graph)
            law = self.sampler.stationary_law(len(graph), compressed)
            weights = self.sampler.importance_weights("unbiased", len(graph), compressed)
            values = np.random.default_rng(0).normal(size=(len(graph), 3))
            require_close(
                (law * weights) @ values,
                values.mean(axis=0),
                f"E_π[w g{{}}] on the {name} graph",
                "π adds up to 1, and w(x) is 1 / (points · π(x))",
                relative=0,
                absolute=1e-13,
            )

    def test_theory_is_that_of_its_paths(self) -> None:
        """Tr U of three functions against batch means, within 5 standard errors and 5 %.

        The latter is for what batches of a thousand steps still remember of each other. False
        alarm: beyond 5 standard errors of 32 trials with probability 3e-5 on each graph. A sampler
        with a long memory, which takes longer to show its U, is not tried.
        """
        if self.sampler.long_memory:
            raise SkipTest("no theory is known, or it holds after many more steps")
        for name, graph in self.graphs.items():
            ground = self.ground(graph)
            g = np.random.default_rng(1).normal(size=(len(graph), 3))
            g -= self.sampler.stationary_law(len(graph), ground) @ g
            noise = self.sampler.noise(g, ground)
            if noise is None:
                raise SkipTest("no theory is known")
            expected = float((noise.amplitudes**2).sum())
            batches = LongRunCovariance(g, _PATHS, _STEPS_OF_PATHS)
            batches(self.draw(graph, [_STEPS_OF_PATHS], trials=_PATHS))
            U, error = batches.estimate(np.ones(3))
            off = float(np.trace(U)) - expected
            require(
                abs(off) <= DEVIATIONS * error + _BEYOND * expected,
                f"Tr U of three functions on the {name} graph: expected {expected:.4g} by theory,"
                f" got {np.trace(U):.4g} ± {error:.2g} along paths ({deviation(off, error)});"
                " correct the theory, or what is drawn",
            )

    def visits(self, graph: nx.Graph, steps: int) -> NDArray[np.float64]:
        """How often each point is visited after the burn-in, shape (trials, points)."""
        path = self.draw(graph, [self.burn_in, steps], trials=_INDEPENDENT)[self.burn_in :]
        return np.stack([(path == x).mean(axis=0) for x in range(len(graph))], axis=1)


def _drawn(path: SamplePath, blocks: Sequence[int], trials: int) -> Indices:
    out = np.empty((sum(blocks), trials), dtype=np.int32)
    for block in np.split(out, np.cumsum(blocks)[:-1]):
        if len(block):
            path.draw(block)
    return out


def standard_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the mean over trials, the first axis."""
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)))
