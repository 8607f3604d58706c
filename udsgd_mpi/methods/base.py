"""What a method is: how an agent moves along its gradient, and what it remembers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]

DOUBLE = np.dtype(np.float64)

# θ, w(X) ∇F(θ, X), what the method remembers, its parameters and γ; θ and the memory are changed.
MOVE = "void(float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1], float64[::1], float64)"


@dataclass(frozen=True)
class State:
    """Numbers that an agent carries beside θ from step to step, 0 at first.

    Parameters
    ----------
    name, description
        Of their data set in result files, with detail = "iterates".
    elements
        How many in a trial.
    dtype
        Double or single precision.
    mixed
        Whether W mixes them as it mixes θ, at the same times.
    """

    name: str
    description: str
    elements: int
    dtype: np.dtype[Any] = DOUBLE
    mixed: bool = False

    def __post_init__(self) -> None:
        if self.mixed and self.dtype != DOUBLE:
            message = f"{self.name}: what W mixes is in double precision, got {self.dtype}"
            raise ValueError(message)


class Method(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """The first line of the equation; subclasses are listed in the registry."""

    @property
    def momentum(self) -> float | None:
        """β of the heavy ball that it is, by which theory predicts it; None where it is another."""
        return None

    @property
    def move(self) -> Kernel[..., None] | None:
        """A kernel of the signature ``MOVE``; None for θ ← θ − γ w ∇F, which objectives take."""
        return None

    @property
    def parameters(self) -> Floats:
        """What the kernel needs to know of the method."""
        return np.empty(0)

    def states(self, d: int) -> tuple[State, ...]:
        """What an agent carries beside θ; ``move`` is given the first of them."""
        return ()

    def beside(self, d: int) -> int:
        """How many numbers an agent carries beside θ in a trial."""
        return sum(state.elements for state in self.states(d))

    def in_the_limit(self, step_size: StepSize) -> StepSize:
        """The step size with which plain SGD has θ_n of the same limit law."""
        return step_size
