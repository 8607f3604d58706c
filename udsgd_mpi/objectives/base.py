"""What an objective is: a sum over points that agents can descend and Newton can minimise."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.data.features import Features, is_sparse
from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.objectives.minimizer import Precision

Floats = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]

_ROUNDING = float(np.finfo(np.float64).eps)


def whole_or_refused(labels: Floats) -> Floats:
    """Distinct labels, ascending; the first alone of those that are no whole numbers."""
    found = np.unique(labels)
    broken = found[found != np.rint(found)]
    return found if len(broken) == 0 else broken[:1]


@dataclass(frozen=True)
class Points:
    """Data points with the weight that each one's gradient gets.

    Attributes
    ----------
    features
        Shape (points, d); a CSR array where most of them are 0.
    labels
        Shape (points,), as the objective's ``encode`` gives them.
    weights
        Importance weights, shape (points,); mean 1 under the sampler's stationary law.
    image
        What the features mean where they are pixels of images.
    """

    features: Features
    labels: Floats
    weights: Floats
    image: ImageFormat | None = None

    @property
    def sparse(self) -> bool:
        """Whether the features are held by those that are not 0."""
        return is_sparse(self.features)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a point: of an image (channels, height, width), of others (features,)."""
        return (self.features.shape[1],) if self.image is None else self.image.shape

    def take(self, rows: NDArray[np.int64]) -> "Points":
        """Some of them."""
        taken = self.features[rows], self.labels[rows], self.weights[rows]
        return replace(self, features=taken[0], labels=taken[1], weights=taken[2])


class Objective(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """F(θ, x) and its parameters; subclasses are listed in the registry.

    Labels of classes mean nothing by themselves: those that ``classifies`` are told the distinct
    labels of all agents, ascending; to others ``classes`` is empty. Features of images are pixels
    of 8 bits to those that ``reads_images``, and numbers from 0 to 1 to others.
    """

    reads_images: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ()  # that it computes with, beside the package's own

    @property
    def lacks_to_vary(self) -> str | None:
        """What it would have to be to take steps on varied images, in words; None where it is."""
        return "an objective that reads images, got one that reads features"

    @property
    def has_minimizer(self) -> bool:
        """Whether f is to have a unique minimiser θ*, which theory is about."""
        return True

    @property
    def minimum_is_local(self) -> bool:
        """Whether θ* is one minimum of several: a search begins at ``search_from``, runs at θ*."""
        return False

    @property
    def classifies(self) -> bool:
        """Whether labels are of classes."""
        return False

    def classes_among(self, labels: Floats) -> Floats:
        """Distinct labels, ascending: no more than it takes to use them, or to refuse them.

        Of those of all agents it finds the same as of what it finds among those of each: more need
        not be told others, to whom labels that are no classes say much of a point.
        """
        return np.unique(labels)

    def on(self, shape: tuple[int, ...], classes: int) -> "Objective":
        """The objective on points of a shape and so many classes."""
        return self

    @property
    def computed_by(self) -> str:
        """What decides the last bits beside settings and data; nothing where none is known."""
        return ""

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        """Labels as the formulas use them.

        Raises
        ------
        ConfigurationError
            If the labels do not fit the objective.
        """
        raise NotImplementedError

    def dimension(self, features: int, classes: int) -> int:
        """Number of parameters d for these numbers of features and classes."""
        raise NotImplementedError

    def initial(self, d: int, seed: int, trials: range) -> Numbers:
        """θ_0 of each trial, the same for all agents, shape (trials, d)."""
        return np.zeros((len(trials), d))

    @property
    def takes_turns(self) -> bool:
        """Whether steps are taken for one agent and trial after the other, each as long."""
        return False

    def nanoseconds(self, d: int) -> float:
        """Roughly what a step of one agent in one trial takes, for deciding what is too long."""
        return d / 2

    def search_from(self, d: int, seed: int) -> Floats:
        """Where the search for a local minimum begins: by default at θ_0 of trial 0; (d,)."""
        return np.asarray(self.initial(d, seed, range(1))[0], dtype=np.float64)

    def initial_statistics(self) -> Numbers:
        """Numbers that the steps keep beside θ, at first, shape (statistics,); mostly none."""
        return np.empty(0)

    @property
    def mixes_statistics(self) -> bool:
        """Whether W mixes them as it mixes θ."""
        return False

    def working_bytes(self, dtype: np.dtype[Any], batch: int, models: int, *, whole: bool) -> int:
        """Memory that gradients take while they are computed; 0 where it is little.

        Parameters
        ----------
        dtype
            Of θ.
        batch
            Number of points in the largest mini-batch.
        models
            Number of θ in a process.
        whole
            Whether gradients over all points are taken, too.
        """
        return 0

    def check(self, points: Points, d: int, agent: int, *, thorough: bool) -> None:
        """Refuse an objective that is not what it has to be on the points of an agent.

        Parameters
        ----------
        thorough
            Whether to look at more than whether its numbers are finite.

        Raises
        ------
        ConfigurationError
            Says what was expected of which method at which point, and what it returned.
        """

    def precision(self, points: Points, d: int) -> Precision:
        """Relative errors of gradients and Hessians by rounding."""
        return Precision(_ROUNDING, _ROUNDING)

    def remedy(self, *, convex: bool) -> str:
        """What to do where f has no unique finite minimiser.

        Parameters
        ----------
        convex
            Whether nothing speaks against a convex f.
        """
        return "scale the features (data.standardize = true), or raise objective.l2"

    def descend(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
    ) -> None:
        """Take the local steps θ ← θ − γ_n w(X_n) ∇F(θ, X_n), in place.

        The gradient of a mini-batch is the mean over its points, which share their weight.

        Parameters
        ----------
        theta
            Iterates, shape (agents, trials, d), in double or single precision.
        X
            First rows of the mini-batches to use, shape (steps, agents, trials).
        gamma
            Step sizes, shape (steps,).
        batch
            Number of points in a mini-batch of each agent, shape (agents,).
        """
        raise NotImplementedError

    def slopes(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        points: Points,
        batch: NDArray[np.int64],
        out: Floats,
    ) -> None:
        """w(X) ∇F(θ, X) of one step.

        Parameters
        ----------
        theta
            Iterates, shape (agents, trials, d).
        X
            First rows of the mini-batches, shape (agents, trials).
        batch
            As of ``descend``.
        out
            Receives it, same shape as ``theta``.
        """
        raise NotImplementedError

    def value(self, theta: Floats, points: Points) -> float:
        """Weighted sum of F(θ, x) over the points."""
        raise NotImplementedError

    def gradient(self, theta: Floats, points: Points) -> Floats:
        """Weighted sum of ∇F(θ, x), shape (d,)."""
        raise NotImplementedError

    def value_and_gradient(self, theta: Floats, points: Points) -> tuple[float, Floats]:
        """Both of them, for less than each alone where they have work in common."""
        return self.value(theta, points), self.gradient(theta, points)

    def correct(self, theta: Floats, points: Points) -> NDArray[np.bool_]:
        """Whether the class that θ finds likeliest is each point's own, shape (points,).

        Only for objectives that classify.
        """
        raise NotImplementedError

    def value_and_hits(self, theta: Floats, points: Points) -> tuple[float, int]:
        """The weighted sum of F(θ, x), and how many points are classified correctly."""
        hits = int(self.correct(theta, points).sum()) if self.classifies else 0
        return self.value(theta, points), hits

    def gradients(self, theta: Floats, points: Points) -> Floats:
        """∇F(θ, x) of each point, unweighted, shape (points, d)."""
        raise NotImplementedError

    def hessian(self, theta: Floats, points: Points) -> Floats:
        """Weighted sum of ∇²F(θ, x), shape (d, d)."""
        raise NotImplementedError

    def largest_curvatures(self, theta: Floats, points: Points, batch: int) -> Floats | None:
        """Largest eigenvalue of ∇²F(·, x) of each mini-batch x, unweighted; shape (batches,).

        Where a formula tells it that is an upper bound for all θ, otherwise it is at ``theta``;
        None where it would take long.
        """
        return None

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        """Weighted sum of ∇²F(θ, x), times a direction; shape (d,)."""
        raise NotImplementedError
