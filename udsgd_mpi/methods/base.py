"""What a method is: how an agent moves along its gradient, and what it remembers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.kernels.compiled import Kernel, inlined
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]

DOUBLE = np.dtype(np.float64)

# A method remembers so many states; those that it has not are without elements.
STATES = 3
ROWS = "float64[:, :, ::1]"
MEMORY = f"Tuple(({', '.join([ROWS] * STATES)}))"
# θ, w(X) ∇F(θ, X), what the method remembers, its parameters, γ_n and n = 1, 2, …; all of the
# arrays but the parameters may be changed.
MOVE = f"void({ROWS}, {ROWS}, {MEMORY}, float64[::1], float64, int64)"
# θ that W mixes next or has just mixed, what the move left of the slopes, memory and parameters.
SETTLE = f"void({ROWS}, {ROWS}, {MEMORY}, float64[::1])"

Memory = tuple[Floats, Floats, Floats]
Decay = Annotated[float, Meta(ge=0, le=1e9)]


@dataclass(frozen=True)
class State:
    """Numbers that an agent carries beside θ from step to step.

    Parameters
    ----------
    name, description
        Of their data set in result files, with detail = "iterates".
    elements
        How many in a trial.
    dtype
        Double or single precision; of what W mixes, that of θ.
    mixed
        Whether W mixes them as it mixes θ, at the same times.
    initial
        What they are at first, one number for all or shape (elements,).
    """

    name: str
    description: str
    elements: int
    dtype: np.dtype[Any] = DOUBLE
    mixed: bool = False
    initial: float | NDArray[np.floating[Any]] = 0.0


class Interpreted(Protocol):
    """A move that no kernel makes."""

    def __call__(
        self,
        theta: Floats,
        slopes: Floats,
        states: Mapping[str, NDArray[Any]],
        gamma: float,
        n: int,
    ) -> None:
        """Take the n-th step, in place.

        Parameters
        ----------
        theta, slopes
            θ and w(X) ∇F(θ, X), shape (agents, trials, d).
        states
            What the method remembers, by name, shape (agents, trials, elements) each.
        """


class Method(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """The first line of the equation; subclasses are listed in the registry."""

    @property
    def momentum(self) -> float | None:
        """β of the heavy ball by which theory predicts the network average; None: by none.

        0 where the average moves as that of sgd does, on gradients at the agents' own θ.
        """
        return None

    @property
    def proved(self) -> bool:
        """Whether the limit of its average follows from a theorem, not from measurement alone."""
        return False

    @property
    def no_theorem(self) -> str:
        """Why theory does not predict it, where its average is that of no heavy ball."""
        return (
            "no theorem holds but for sgd and momentum, both without weight_decay, and for methods"
            " that move the average as sgd does"
        )

    @property
    def interpreted(self) -> "Interpreted | None":
        """What moves agents in Python, in place of ``move``; None where nothing does."""
        return None

    @property
    def move(self) -> Kernel[..., None] | None:
        """A kernel of the signature ``MOVE``; None for θ ← θ − γ w ∇F, which objectives take."""
        return None

    @property
    def prepare(self) -> Kernel[..., None] | None:
        """A kernel of the signature ``SETTLE``, for before an aggregation; None: θ itself is mixed.

        It follows ``move`` of the step that the aggregation completes.
        """
        return None

    @property
    def settle(self) -> Kernel[..., None] | None:
        """The same, for after an aggregation; None: θ stays as it is."""
        return None

    @property
    def parameters(self) -> Floats:
        """What the kernels need to know of the method."""
        return np.empty(0)

    @property
    def needs_whole_messages(self) -> bool:
        """Whether it is not defined where W mixes what messages tell of θ, not θ itself."""
        return any(state.mixed for state in self.states(1))

    def states(self, d: int) -> tuple[State, ...]:
        """What an agent carries beside θ, what W mixes first.

        Kernels are given the first ``STATES`` of them.
        """
        return ()

    def check(self, d: int) -> None:
        """Refuse a user's method that is not what it has to be.

        Raises
        ------
        ConfigurationError
            Says what was expected of it.
        """

    def check_mixing(self, schedule: Schedule, agents: int) -> None:
        """Refuse W for which the method is not defined.

        Raises
        ------
        ConfigurationError
            Says why, and which W it takes.
        """

    def check_unbalanced(self) -> None:
        """Refuse W of which rows do not sum to 1.

        Raises
        ------
        ConfigurationError
            Says why, and names the method that takes them.
        """
        raise ConfigurationError(
            f"method {self.__struct_config__.tag}: expected a doubly stochastic W, which keeps the"
            ' mean of all agents, got communication.weights = "out_degree" on a topology where'
            " agents do not hear as many as they tell, by which some count more than others; use"
            ' method = "push_sum", or weights = "metropolis" on an undirected topology'
        )

    def check_pauses(self) -> None:
        """Refuse steps that some agents do not take, where agents need to have taken all.

        Raises
        ------
        ConfigurationError
            Says why, and which methods do not.
        """
        if self.settle is not None or any(state.mixed for state in self.states(1)):
            raise ConfigurationError(
                f"method {self.__struct_config__.tag}: expected agents that take every step, got"
                " some that do not, by which its corrections would be out of step with θ; use"
                ' "sgd", "momentum", "nesterov" or "adam", or agents that take every step: without'
                " activation, and another communication than async_gossip"
            )

    def beside(self, d: int) -> int:
        """How many numbers an agent carries beside θ in a trial."""
        return sum(state.elements for state in self.states(d))

    def in_the_limit(self, step_size: StepSize) -> StepSize:
        """The step size with which plain SGD has θ_n of the same limit law."""
        return step_size


@inlined
def decay(theta: Floats, slopes: Floats, weight_decay: float) -> None:
    """Add weight_decay · θ to the slopes, unless it is 0."""
    if weight_decay > 0:
        agents, trials, d = theta.shape
        for i in range(agents):
            for t in range(trials):
                for k in range(d):
                    slopes[i, t, k] += weight_decay * theta[i, t, k]
