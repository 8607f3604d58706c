"""A method of the user's own."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from msgspec import field
from numpy.typing import NDArray

from udsgd_mpi.methods.base import Interpreted, Method, State
from udsgd_mpi.support.errors import ConfigurationError, LocalError
from udsgd_mpi.support.file_names import names_file
from udsgd_mpi.support.one_line import shown
from udsgd_mpi.support.plugin import made_once
from udsgd_mpi.support.users_code import UsersObject, users

Floats = NDArray[np.float64]

_METHODS = ("step(theta, slope, gamma, n, **states)",)
_TRIALS = 3  # in which a step is tried
_SEED = 20240918
_MOST = 2**20  # parameters with which it is
_OWN = "own_"  # before the name of a state among those of results
_TAKEN = ("self", "theta", "slope", "gamma", "n")


class CustomMethod(Method, frozen=True, tag="custom"):
    """A class with ``step(theta, slope, gamma, n, **states)``, for one agent in all trials.

    θ_{n−1} and w(X) ∇F(θ_{n−1}, X) have the shape (trials, d). It returns θ_n before mixing; or
    where ``states`` in the class names what an agent remembers, θ_n and a mapping with each of
    them. ``states = {"velocity": "local", "tracked": "mixed"}`` are of the shape of θ and 0 at
    first; those that are mixed, W mixes as it mixes θ. Arguments must stay as they are, and
    trials must know nothing of each other. n goes on as γ does, also while an agent is away.

    Parameters
    ----------
    path
        ``"module:Class"`` or ``"file.py:Class"``, see ``objectives.Custom``.
    arguments
        Keyword arguments of the class.
    """

    path: Annotated[str, names_file(of_class=True)]
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def no_theorem(self) -> str:
        return "there is no theory of a method of one's own"

    @property
    def interpreted(self) -> Interpreted:
        return _Steps(self._own(), self._name, list(self._kinds))

    def states(self, d: int) -> tuple[State, ...]:
        return tuple(
            State(_OWN + name, f"{name} of {self.path}, of every agent", d, mixed=kind == "mixed")
            for name, kind in self._kinds.items()
        )

    def check(self, d: int) -> None:
        """Try two steps.

        Raises
        ------
        ConfigurationError
            If the class breaks a promise.
        """
        rng, names = np.random.default_rng(_SEED), [*self._kinds]
        parts = rng.normal(size=(2 + len(names), _TRIALS, min(d, _MOST)))
        steps = _Steps(self._own(), self._name, names)

        def moved(trials: slice) -> list[Floats]:
            given = parts[:, trials].copy()
            found = steps.of_agent(
                given[0], given[1], dict(zip(names, given[2:], strict=True)), 0.1, 2
            )
            for k, name in enumerate(("theta", "slope", *names)):
                if not np.array_equal(given[k], parts[k, trials]):
                    raise ConfigurationError(
                        f"{self._name}: expected step to leave its arguments as they are, got"
                        f" another {name} after the call; work on a copy"
                    )
            return found

        whole, again = moved(slice(None)), moved(slice(None))
        if not all(
            np.array_equal(*pair, equal_nan=True) for pair in zip(whole, again, strict=True)
        ):
            raise ConfigurationError(
                f"{self._name}: expected the same step from the same arguments, got two; keep what"
                " changes in states"
            )
        alone = moved(slice(1))
        for one, all_of_them in zip(alone, whole, strict=True):
            if not np.allclose(one[0], all_of_them[0], rtol=1e-9, atol=1e-12, equal_nan=True):
                raise ConfigurationError(
                    f"{self._name}: expected the same step of a trial alone and among others, got"
                    " two; sums over parameters need axis=1, and none may run over trials"
                )

    @property
    def _name(self) -> str:
        return f"method {self.path}"

    @property
    def _kinds(self) -> dict[str, str]:
        """Whether each state is "local" or "mixed", by name."""
        found = getattr(self._own(), "states", {})
        known = isinstance(found, Mapping) and all(
            isinstance(name, str)
            and name.isidentifier()
            and name not in _TAKEN
            and kind in ("local", "mixed")
            for name, kind in found.items()
        )
        if not known:
            raise ConfigurationError(
                f'{self._name}: expected states such as {{"velocity": "local"}} or "mixed", got'
                f" {shown(found)}"
            )
        return dict(found)

    def _own(self) -> UsersObject:
        return made_once("method", self.path, _METHODS, self.arguments)


class _Steps:
    """Steps of all agents, one after the other, so that bits know nothing of the layout."""

    def __init__(self, own: UsersObject, name: str, states: list[str]) -> None:
        self._step = own.step
        self._name = name
        self._states = states

    def __call__(
        self,
        theta: Floats,
        slopes: Floats,
        states: Mapping[str, NDArray[Any]],
        gamma: float,
        n: int,
    ) -> None:
        for i in range(len(theta)):
            mine = {name.removeprefix(_OWN): values[i] for name, values in states.items()}
            moved, *kept = self.of_agent(theta[i], slopes[i], mine, gamma, n)
            theta[i] = moved
            for values, new in zip(mine.values(), kept, strict=True):
                values[:] = new

    def of_agent(
        self, theta: Floats, slope: Floats, states: Mapping[str, Floats], gamma: float, n: int
    ) -> list[NDArray[Any]]:
        """θ and each state after a step of one agent."""
        given = self._step(theta, slope, gamma, n, **states)
        if not self._states:
            return [self._checked("theta", given, theta.shape)]
        pair = isinstance(given, tuple) and len(given) == 2
        moved, kept = given if pair else (given, None)
        if not isinstance(kept, Mapping) or kept.keys() != {*self._states}:
            got = f"theta and {shown(kept)}" if pair else type(given).__name__
            raise LocalError(
                f"{self._name}: expected step to return theta and a mapping with"
                f" {' and '.join(self._states)}, got {got}; return theta, {{name: values, …}}"
            )
        named = [("theta", moved), *((name, kept[name]) for name in self._states)]
        return [self._checked(what, values, theta.shape) for what, values in named]

    def _checked(self, what: str, values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        array = values if isinstance(values, np.ndarray) else users(self._name, np.asarray, values)
        if array.shape != shape or array.dtype.kind not in "fiu":
            raise LocalError(
                f"{self._name}: expected {what} of real numbers of shape {shape} from step, got"
                f" {array.dtype} of shape {array.shape}"
            )
        return array
