"""What one agent holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.data.features import Features, dense_rows
from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.samplers import PathsOfSeveral, PausingPaths, SamplePaths, Sampler, Stream, Streams
from udsgd_mpi.samplers.base import Weight

Floats = NDArray[np.float64]

_MOST_NUMBERS = 2**24  # of gradients of points


@dataclass(frozen=True)
class Agent:
    """What one agent holds.

    Attributes
    ----------
    points
        Its data points with their importance weights, batch after batch.
    batch
        Number of points in a mini-batch; the sampler draws batches.
    graph
        What its sampler needs beside them: the data graph, whose nodes are the batches, a
        transition matrix or recorded visits; None for full access.
    share
        Factor of its f_i in f, by which its points are weighted, too; 1 on average over agents.
    pace
        Factor of its steps, which makes up for those that it does not take.
    """

    group: str
    sampler: Sampler
    points: Points
    batch: int
    graph: Ground | None
    share: float = 1.0
    pace: float = 1.0

    @classmethod
    def of(
        cls,
        group: str,
        sampler: Sampler,
        weight: Weight,
        features: Features,
        labels: Floats,
        batch: int,
        graph: Ground | None,
        image: ImageFormat | None = None,
        share: float = 1.0,
        pace: float = 1.0,
    ) -> "Agent":
        """An agent with ``features`` (points, d) and ``labels`` (points,), batch after batch."""
        weights = share * sampler.importance_weights(weight, len(labels) // batch, graph)
        points = Points(features, labels, np.repeat(weights, batch), image)
        return cls(group, sampler, points, batch, graph, share, pace)

    def with_sampler(self, sampler: Sampler, weight: Weight, graph: Ground | None) -> "Agent":
        """The same agent with another sampler, and with what that needs."""
        points = self.points
        return Agent.of(
            self.group,
            sampler,
            weight,
            points.features,
            points.labels,
            self.batch,
            graph,
            points.image,
            self.share,
            self.pace,
        )

    @property
    def batches(self) -> int:
        """Number of mini-batches."""
        return len(self.points.labels) // self.batch

    @cached_property
    def stationary_law(self) -> Floats:
        """π of the sampler, shape (batches,)."""
        return self.sampler.stationary_law(self.batches, self.graph)

    def gradient_noise(
        self, objective: Objective, theta: Floats, along: Floats | None = None
    ) -> Floats:
        """g(x) − E_π g with g(x) = w(x) ∇F(θ, x), for each mini-batch x; shape (batches, d).

        Parameters
        ----------
        along
            Directions, shape (d, k): what is wanted are its products with them, (batches, k).
        """
        if along is None:
            slopes = objective.gradients(theta, self.points)
        else:
            slopes = np.concatenate(
                [
                    objective.gradients(theta, part) @ along
                    for part in _dense_parts(self.points, len(theta))
                ]
            )
        weighted = self.points.weights[:, None] * slopes
        g = weighted.reshape(self.batches, self.batch, -1).mean(axis=1)
        return np.asarray(g - self.stationary_law @ g)

    def scatter_of_gradients(self, objective: Objective, theta: Floats) -> Floats:
        """Σ (π(x) w(x))² ∇F(θ, x) ∇F(θ, x)ᵀ over the points x, shape (d, d).

        It is the variance of ∇f_i(θ) over draws of the points from a population in which the
        gradient has mean 0 (White, Econometrica 1980: HC0).
        """
        d = len(theta)
        total = np.zeros((d, d))
        for part in _dense_parts(self.expectation, d):
            slopes = part.weights[:, None] * objective.gradients(theta, part)
            total += slopes.T @ slopes
        return total

    @property
    def expectation(self) -> Points:
        """The points weighted by π(x) w(x): f_i(θ) is the weighted sum of F(θ, x) over them."""
        law = np.repeat(self.stationary_law / self.batch, self.batch)
        return replace(self.points, weights=law * self.points.weights)

    def expectation_over(self, most: int) -> Points:
        """The same over at most this many points, evenly spread, with the same sum of weights."""
        whole, number = self.expectation, len(self.points.labels)
        if number <= most:
            return whole
        part = whole.take(np.arange(most) * number // most)
        return replace(part, weights=part.weights * (whole.weights.sum() / part.weights.sum()))


def _dense_parts(points: Points, d: int) -> Iterator[Points]:
    """All points, as many at once as have gradients that fit into little memory."""
    size = max(1, _MOST_NUMBERS // d)
    for rows in np.split(np.arange(number := len(points.labels)), range(size, number, size)):
        part = points.take(rows)
        yield replace(part, features=dense_rows(part.features, slice(None)))


def start_paths(
    agents: Sequence[Agent], streams: Streams, schedule: Schedule | None = None
) -> SamplePaths:
    """Begin the paths of some agents, whose numbers are in ``streams``.

    Parameters
    ----------
    schedule
        Says which steps agents do not take, at which their paths stand still; by default they
        take all.
    """
    if schedule and schedule.pauses:
        paths = [
            agent.sampler.start(
                agent.batches,
                agent.graph,
                Stream(streams.seed, number, streams.trials, streams.first_trial),
            )
            for agent, number in zip(agents, streams.agents.tolist(), strict=True)
        ]
        return PausingPaths(paths, streams.agents, schedule.active)
    return PathsOfSeveral(
        [agent.sampler for agent in agents],
        [agent.batches for agent in agents],
        [agent.graph for agent in agents],
        streams,
    )
