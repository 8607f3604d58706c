"""What an objective is: a sum over points that agents can descend and Newton can minimise."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.data.features import Features, is_sparse
from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.kernels.compiled import Kernel
from udsgd_mpi.objectives.minimizer import Precision

Floats = NDArray[np.float64]

# θ, X, γ, the features, labels and weights of the points, batch and the objective's parameters,
# see ``Objective.descend``.
LOCAL_STEPS = (
    "void(float64[:, :, ::1], int32[:, :, ::1], float64[::1], float64[:, ::1], float64[::1],"
    " float64[::1], int64[::1], float64[::1])"
)
# With ``SparseRows`` in place of the features.
SPARSE_STEPS = (
    "void(float64[:, :, ::1], int32[:, :, ::1], float64[::1],"
    " Tuple((float64[::1], int32[::1], int64[::1], int64)), float64[::1], float64[::1], int64[::1],"
    " float64[::1])"
)


_ROUNDING = float(np.finfo(np.float64).eps)


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

    classifies: ClassVar[bool] = False
    reads_images: ClassVar[bool] = False

    @property
    def has_minimizer(self) -> bool:
        """Whether f is to have a unique minimiser θ*, which theory is about."""
        return True

    def sources(self) -> dict[str, Path]:
        """Files of the user's own that F is defined in, by name."""
        return {}

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
            Iterates, shape (agents, trials, d).
        X
            First rows of the mini-batches to use, shape (steps, agents, trials).
        gamma
            Step sizes, shape (steps,).
        batch
            Number of points in a mini-batch of each agent, shape (agents,).
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

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        """Weighted sum of ∇²F(θ, x), times a direction; shape (d,)."""
        raise NotImplementedError


SparseRows = tuple[Floats, NDArray[np.int32], NDArray[np.int64], int]
"""Features that are not 0, their columns, where each row begins, and the number of columns."""


class CompiledObjective(Objective, frozen=True):
    """An objective whose local steps are a kernel of the signature ``LOCAL_STEPS``.

    On sparse rows it is another one, that reads θ and the features in the same order, and so ends
    with the same bits.
    """

    @property
    def local_steps(self) -> Kernel[..., None]:
        """The kernel."""
        raise NotImplementedError

    @property
    def sparse_steps(self) -> Kernel[..., None]:
        """The kernel for sparse rows, of the signature ``SPARSE_STEPS``."""
        raise NotImplementedError

    def parameters(self, d: int) -> Floats:
        """What the kernel needs to know of the objective."""
        raise NotImplementedError

    def descend(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
    ) -> None:
        features = points.features
        if not isinstance(features, np.ndarray):
            rows = (
                features.data,
                features.indices.astype(np.int32, copy=False),
                features.indptr.astype(np.int64, copy=False),
                features.shape[1],
            )
            others = points.labels, points.weights, batch, self.parameters(theta.shape[-1])
            self.sparse_steps(theta, X, gamma, rows, *others)
        else:
            self.local_steps(theta, X, gamma, *self.arguments(points, batch, theta.shape[-1]))

    def arguments(
        self, points: Points, batch: NDArray[np.int64], d: int
    ) -> tuple[Floats, Floats, Floats, NDArray[np.int64], Floats]:
        """What the kernel for dense rows takes after θ, X and γ."""
        features = np.asarray(points.features)
        return features, points.labels, points.weights, batch, self.parameters(d)
