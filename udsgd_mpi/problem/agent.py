"""What one agent holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.features import Features
from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.samplers import PathsOfSeveral, SamplePaths, Sampler, Streams
from udsgd_mpi.samplers.base import Weight

Floats = NDArray[np.float64]


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
    """

    group: str
    sampler: Sampler
    points: Points
    batch: int
    graph: Ground | None

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
    ) -> "Agent":
        """An agent with ``features`` (points, d) and ``labels`` (points,), batch after batch."""
        weights = sampler.importance_weights(weight, len(labels) // batch, graph)
        points = Points(features, labels, np.repeat(weights, batch), image)
        return cls(group, sampler, points, batch, graph)

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
        )

    @property
    def batches(self) -> int:
        """Number of mini-batches."""
        return len(self.points.labels) // self.batch

    @cached_property
    def stationary_law(self) -> Floats:
        """π of the sampler, shape (batches,)."""
        return self.sampler.stationary_law(self.batches, self.graph)

    def gradient_noise(self, objective: Objective, theta: Floats) -> Floats:
        """g(x) − E_π g with g(x) = w(x) ∇F(θ, x), for each mini-batch x; shape (batches, d)."""
        weighted = self.points.weights[:, None] * objective.gradients(theta, self.points)
        g = weighted.reshape(self.batches, self.batch, -1).mean(axis=1)
        return np.asarray(g - self.stationary_law @ g)

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


def start_paths(agents: Sequence[Agent], streams: Streams) -> SamplePaths:
    """Begin the paths of some agents, whose numbers are in ``streams``."""
    return PathsOfSeveral(
        [agent.sampler for agent in agents],
        [agent.batches for agent in agents],
        [agent.graph for agent in agents],
        streams,
    )
