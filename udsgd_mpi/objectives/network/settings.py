"""A network, its loss and where it is computed, as settings; knows nothing of PyTorch itself."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.data.images.augmentation import Variation
from udsgd_mpi.objectives.base import (
    Floats,
    Numbers,
    Objective,
    Points,
    whole_or_refused,
)
from udsgd_mpi.objectives.network.given import theta_in
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import names_file

if TYPE_CHECKING:
    from udsgd_mpi.objectives.network.computed import Computed

MODELS = ("cnn5", "resnet18")
LOSSES = ("cross_entropy", "mse")
TRAINED = "trained"
CHUNK = 256  # points of sums, from an agent's first one on: the same whoever hosts it
_MLP = re.compile(r"mlp\((?:[1-9]\d{0,6}(?:, ?[1-9]\d{0,6})*)?\)")
_SINGLE = np.dtype(np.float32)


class Network(Objective, frozen=True, tag="torch"):
    """F(θ, (x, y)) = loss(model_θ(x), y) + (κ/2)‖θ‖², with a model of PyTorch.

    θ holds the model's parameters one after the other, and zeros up to a multiple of 16 numbers.

    Parameters
    ----------
    model
        ``"cnn5"``, ``"resnet18"``, ``"mlp(64, 32)"`` with the widths of its hidden layers, or
        ``"module:build"`` of your own: ``build(shape, outputs)`` takes the shape of a point and
        gives a ``torch.nn.Module``.
    loss
        ``"cross_entropy"`` of classes, ``"mse"`` of one output, or ``"module:loss"`` of your own:
        ``loss(outputs, labels)`` gives the loss of each point, shape (points,).
    l2
        κ, for all parameters alike.
    outputs
        Numbers that the model gives for a point; by default one for each class, and 1 for ``mse``.
        With it, labels of ``cross_entropy`` are 0, …, outputs − 1.
    norm
        What normalises in ``resnet18``: groups of 2 to 16 channels of one image, or the channels
        of a mini-batch.
    activation
        What stands between the layers of ``mlp``: rectifiers, or tanh, which is smooth as theory
        wants it.
    batch_norm_statistics
        Whether running means and variances of BatchNorm are mixed as θ is, or stay with the agent.
    vectorise
        Whether all trials of all agents of a process take a step at once. Faster on a GPU, and
        with other bits than one after the other: the number of processes then shows in them.
    device
        Where it is computed. Ranks of a host are spread over its GPUs in turn. θ stays in the
        host's memory, where it is mixed: it is copied to the GPU and back for each block of steps.
    minimum
        The minimum θ* that theory is to be about, where every run then begins: ``"trained"`` is the
        one to which training with all points goes from θ_0 of trial 0. Or a file of NumPy, such as
        ``"theta.npy"``, with the θ from which it goes there instead.
    """

    model: Annotated[str, names_file(MODELS, of_class=True)] = "cnn5"
    loss: Annotated[str, names_file(LOSSES, of_class=True)] = "cross_entropy"
    l2: Annotated[float, Meta(ge=0)] = 0.0
    outputs: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    norm: Literal["group", "batch"] = "group"
    activation: Literal["relu", "tanh"] = "relu"
    batch_norm_statistics: Literal["averaged", "local"] = "averaged"
    vectorise: bool = False
    device: Literal["cpu", "cuda"] = "cpu"
    minimum: Annotated[str, names_file([TRAINED])] | None = None
    reads_images: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    def __post_init__(self) -> None:
        own = ":" in self.model
        if not own and self.model not in MODELS and not _MLP.fullmatch(self.model):
            raise ValueError(
                "expected model to be one of cnn5, resnet18, mlp(widths) such as mlp(64, 32), or"
                f' "module:build", got {self.model!r}'
            )
        if ":" not in self.loss and self.loss not in LOSSES:
            raise ValueError(
                f'expected loss to be one of {", ".join(LOSSES)}, or "module:loss", got'
                f" {self.loss!r}"
            )
        if ":" in self.loss and self.outputs is None:
            raise ValueError("expected outputs beside a loss of your own, got none")
        if self.loss == "mse" and self.outputs not in {None, 1}:
            raise ValueError(f'expected one output for loss = "mse", got {self.outputs}')
        if self.norm == "batch" and self.model != "resnet18":
            raise ValueError(
                f'expected norm = "batch" with resnet18 alone, got it with {self.model!r}'
            )
        if self.activation != "relu" and not _MLP.fullmatch(self.model):
            raise ValueError(
                f'expected activation = "tanh" with mlp alone, got it with {self.model!r}'
            )
        if self.minimum is not None and self.l2 == 0:
            raise ValueError(
                "expected l2 > 0 beside minimum, as f is flat in some directions without, got 0"
            )

    @property
    def classifies(self) -> bool:
        return self.loss == "cross_entropy"

    @property
    def lacks_to_vary(self) -> str | None:
        if self.vectorise:
            return "objective.vectorise = false, got true"
        if self.minimum is not None:
            return f"no objective.minimum, got {self.minimum!r}"
        return None

    @property
    def has_minimizer(self) -> bool:
        return self.minimum is not None

    @property
    def minimum_is_local(self) -> bool:
        return self.minimum is not None

    def classes_among(self, labels: Floats) -> Floats:
        if self.outputs is None:
            return whole_or_refused(labels)
        return np.intersect1d(labels, np.arange(float(self.outputs)))

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        if not self.classifies:
            return labels
        if self.outputs is None:
            known = classes
            encoded = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        else:
            known = np.arange(float(self.outputs))
            encoded = labels.astype(np.int64)
        refused = [*known[known != np.rint(known)], *labels[~np.isin(labels, known)]]
        if len(known) < 2 or refused:
            got = f"a label {refused[0]:g}" if refused else f"{len(known)} classes"
            raise ConfigurationError(
                f"labels: expected whole numbers of two classes or more"
                f"{_listed(known)}, got {got}; set objective.outputs to the number of classes, or"
                ' use objective.loss = "mse"'
            )
        return encoded.astype(np.float64)

    def dimension(self, features: int | tuple[int, ...], classes: int) -> int:
        shape = (features,) if isinstance(features, int) else features
        return self.on(shape, classes).dimension(features, classes)

    def on(self, shape: tuple[int, ...], classes: int) -> "NetworkOn":
        outputs = self.outputs or (classes if self.classifies else 1)
        return NetworkOn(self, shape, outputs)


class NetworkOn(Objective, frozen=True):
    """A network on points of one shape.

    Parameters
    ----------
    shape
        Of a point: (channels, height, width) of images, (features,) of others.
    outputs
        Numbers that the model gives for a point.
    """

    settings: Network
    shape: tuple[int, ...]
    outputs: int
    reads_images: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = Network.libraries

    @property
    def classifies(self) -> bool:
        return self.settings.classifies

    @property
    def has_minimizer(self) -> bool:
        return self.settings.has_minimizer

    @property
    def minimum_is_local(self) -> bool:
        return self.settings.minimum_is_local

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        return self.settings.encode(labels, classes)

    def dimension(self, features: int | tuple[int, ...], classes: int) -> int:
        return self.computed(_SINGLE).d

    def computed(self, dtype: np.dtype[Any]) -> "Computed":
        """What computes it in numbers of a type.

        Raises
        ------
        ConfigurationError
            Where PyTorch or the device is missing, or the model is not what it has to be.
        """
        if find_spec("torch") is None:
            raise ConfigurationError(
                "objective: expected PyTorch for a network, got no module 'torch'; use pip install"
                " 'udsgd_mpi[torch]'"
            )
        from udsgd_mpi.objectives.network.computed import computed

        return computed(self, dtype)

    def working_bytes(self, dtype: np.dtype[Any], batch: int, models: int, *, whole: bool) -> int:
        if self.settings.device == "cuda":
            return 0
        at_once = batch * (models if self.settings.vectorise else 1)
        return self.computed(dtype).working_bytes(max(at_once, CHUNK if whole else 0))

    def check(self, points: Points, d: int, agent: int, *, thorough: bool) -> None:
        self.computed(_SINGLE).check(points, agent, thorough=thorough)

    def initial(self, d: int, seed: int, trials: range) -> Numbers:
        return self.computed(_SINGLE).initial(seed, trials)

    @property
    def takes_turns(self) -> bool:
        return not self.settings.vectorise

    def nanoseconds(self, d: int) -> float:
        return max(5_000 if self.settings.vectorise else 250_000, 20 * d)  # PyTorch's own calls

    def search_from(self, d: int, seed: int) -> Floats:
        file = self.settings.minimum
        if file is None or file == TRAINED:
            return super().search_from(d, seed)
        return theta_in(Path(file).expanduser(), self.computed(_SINGLE).used, d)

    def remedy(self, *, convex: bool) -> str:
        return (
            "raise objective.l2, begin elsewhere (another seed, or a file), or use a model without"
            ' kinks, such as an mlp with activation = "tanh"'
        )

    def initial_statistics(self) -> Numbers:
        """BatchNorm's means and variances, shape (statistics,); empty without BatchNorm."""
        return self.computed(_SINGLE).initial_statistics()

    @property
    def mixes_statistics(self) -> bool:
        return self.settings.batch_norm_statistics == "averaged"

    @property
    def computed_by(self) -> str:
        return self.computed(_SINGLE).by

    def descend(
        self,
        theta: Numbers,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
        statistics: Numbers | None = None,
        variation: Variation | None = None,
    ) -> None:
        self.computed(theta.dtype).descend(theta, X, gamma, points, batch, statistics, variation)

    def slopes(
        self,
        theta: Numbers,
        X: NDArray[np.int32],
        points: Points,
        batch: NDArray[np.int64],
        out: Numbers,
        statistics: Numbers | None = None,
        variation: Variation | None = None,
    ) -> None:
        """Gradients w(X) ∇F(θ, X) of one step, into ``out``.

        Parameters
        ----------
        theta, out
            Shape (agents, trials, d).
        X
            First rows of the mini-batches, shape (agents, trials).
        statistics
            BatchNorm's running ones, shape (agents, trials, statistics); updated in place.
        variation
            Of the images.
        """
        self.computed(theta.dtype).slopes(theta, X, points, batch, out, statistics, variation)

    def value(self, theta: Numbers, points: Points, statistics: Numbers | None = None) -> float:
        return self.value_and_hits(theta, points, statistics)[0]

    def value_and_hits(
        self, theta: Numbers, points: Points, statistics: Numbers | None = None
    ) -> tuple[float, int]:
        losses, right = self.computed(theta.dtype).losses(theta, points, statistics)
        squares = float(np.square(theta, dtype=np.float64).sum())
        value = float(points.weights @ (losses + self.settings.l2 / 2 * squares))
        return value, int(right.sum())

    def correct(
        self, theta: Numbers, points: Points, statistics: Numbers | None = None
    ) -> NDArray[np.bool_]:
        """Whether the output of its class is the largest, for each point, shape (points,)."""
        return self.computed(theta.dtype).losses(theta, points, statistics)[1]

    def value_and_gradient(
        self, theta: Numbers, points: Points, statistics: Numbers | None = None
    ) -> tuple[float, Floats]:
        return self.computed(theta.dtype).value_and_gradient(theta, points, statistics)

    def gradient(self, theta: Numbers, points: Points, statistics: Numbers | None = None) -> Floats:
        return self.value_and_gradient(theta, points, statistics)[1]

    def gradients(self, theta: Numbers, points: Points) -> Floats:
        return self.computed(theta.dtype).gradients(theta, points)

    def hessian(self, theta: Numbers, points: Points) -> Floats:
        return self.computed(theta.dtype).hessian(theta, points)

    def product(self, theta: Numbers, direction: Numbers, points: Points) -> Floats:
        return self.computed(theta.dtype).product(theta, direction, points)


def _listed(classes: Floats) -> str:
    if not 2 <= len(classes) <= 10**6:
        return ""
    return f", {classes[0]:g} to {classes[-1]:g}"
