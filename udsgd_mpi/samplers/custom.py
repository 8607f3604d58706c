"""A sampler of the user's own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
import numpy as np
from msgspec import field
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.graphs.transitions import TransitionMatrix
from udsgd_mpi.kernels.random_numbers import Purpose, random_units
from udsgd_mpi.samplers.base import DrawingTime, Indices, SamplePaths, Sampler, Streams
from udsgd_mpi.support.errors import ConfigurationError, LocalError
from udsgd_mpi.support.file_names import names_file
from udsgd_mpi.support.one_line import shown
from udsgd_mpi.support.plugin import made, users_class
from udsgd_mpi.support.users_code import UsersObject
from udsgd_mpi.theory.chains import MarkovChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]

_METHODS = ("draw(steps, uniforms)",)
_TOLERANCE = 1e-9  # of the sum of a law


class CustomSampler(Sampler, frozen=True, tag="custom"):
    """A class that draws indices of points from uniform random numbers, in all trials at once.

    An object is made for each agent, ``Class(points, graph, **arguments)``: the number of its
    points, or batches; and its data graph as a CSR array of SciPy, or None unless the class says
    ``on_graph = True``. It has

    ``draw(steps, uniforms)``
        The next points, whole numbers from 0 on, shape (steps, trials), from numbers of [0, 1) of
        the same shape; or of shape (steps, k, trials) where the class says
        ``uniforms_per_step = k``. They are a function of (seed, agent, trial, step), so that a path
        is the same wherever the agent is hosted, and however the path is split into blocks.
    ``start(uniforms)``, optional
        Begins the paths, given the numbers of one step, shape (trials,) or (k, trials).
    ``memory = ("at", …)``, optional
        Names of the attributes, arrays or numbers, that further points depend on. They are saved
        with a checkpoint and set again after ``start`` where a run is resumed.
    ``stationary_law()``, optional
        π, shape (points,), by which gradients are weighted. Without it, and without a transition
        matrix, π is taken for uniform, and a run says so.
    ``transition_matrix()``, optional
        P, sparse or not, where the points are a Markov chain: theory follows from it.
    ``asymptotic_covariance(G)``, optional
        Instead: lim n Cov((1/n) Σ_s g(X_s)), shape (d, d), where row x of G (points, d) is
        g(x) − E_π g.

    Without the last two, the error is predicted from sampled paths, and V is estimated from them.

    Parameters
    ----------
    path
        ``"module:Class"``, where the module is a file beside the experiment, in the working folder,
        or anything that can be imported; or ``"file.py:Class"``.
    arguments
        Keyword arguments of the class.
    """

    path: Annotated[str, names_file(of_class=True)]
    arguments: dict[str, Any] = field(default_factory=dict)
    degree_biased: ClassVar[bool] = False
    drawing_time: ClassVar[DrawingTime] = DrawingTime(step=300)

    def __hash__(self) -> int:
        return hash((self.path, msgspec.msgpack.encode(self.arguments)))  # lists have no hash

    @property
    def on_graph(self) -> bool:
        return bool(self._says("on_graph", False))

    @property
    def long_memory(self) -> bool:
        return not self._has_theory

    @property
    def name(self) -> str:
        return self.path.rpartition(":")[2]

    def cautions(self, points: int, graph: Ground | None) -> tuple[str, ...]:
        said = [*super().cautions(points, graph)]
        if not (self._says("stationary_law") or self._says("transition_matrix")):
            said.append(
                f"{self.name} says no stationary law, so it is taken to visit all points equally"
                " often; if it does not, θ goes to another minimiser"
            )
        if not self._has_theory:
            said.append(
                f"{self.name} brings no theory: its error is predicted from its sampled paths"
                " alone, and V is estimated from them"
            )
        return tuple(said)

    def stationary_law(self, points: int, graph: Ground | None) -> Floats:
        if self._says("stationary_law"):
            return self._checked_law(self.made_for(points, graph).stationary_law(), points)
        if self._says("transition_matrix"):
            return self._chain(points, graph).law
        return np.full(points, 1 / points)

    def noise(self, G: Floats, graph: Ground | None) -> Noise | None:
        points, d = G.shape
        if self._says("transition_matrix"):
            return noise_of_walk(self._chain(points, graph), G)
        if self._says("asymptotic_covariance"):
            given = self.made_for(points, graph).asymptotic_covariance(G)
            return Noise.white(self._checked_covariance(given, d))
        return None

    def start_all(
        self, points: Sequence[int], graphs: Sequence[Ground | None], streams: Streams
    ) -> SamplePaths:
        return _UsersPaths(self, points, graphs, streams)

    @property
    def _has_theory(self) -> bool:
        return bool(self._says("transition_matrix") or self._says("asymptotic_covariance"))

    def _says(self, attribute: str, default: Any = None) -> Any:
        """An attribute of the class."""
        return getattr(users_class("sampler", self.path), attribute, default)

    def made_for(self, points: int, graph: Ground | None) -> UsersObject:
        """An object of the class for an agent."""
        adjacency = _adjacency(graph) if isinstance(graph, Graph) and self.on_graph else None
        return made("sampler", self.path, _METHODS, self.arguments, points, adjacency)

    def _chain(self, points: int, graph: Ground | None) -> MarkovChain:
        name = f"sampler {self.path}: transition_matrix()"
        given = self.made_for(points, graph).transition_matrix()
        P = TransitionMatrix.of(given if hasattr(given, "dtype") else np.asarray(given), name)
        if len(P) != points:
            raise ConfigurationError(
                f"{name}: expected a row for each of {points} points, got {len(P)} rows"
            )
        return MarkovChain.of(P)

    def _checked_law(self, given: Any, points: int) -> Floats:
        law = _numbers(given)
        expected = f"sampler {self.path}: expected of stationary_law()"
        if law is None or law.shape != (points,):
            raise ConfigurationError(f"{expected} numbers of shape ({points},), got {_kind(given)}")
        if not (law >= 0).all():
            k = int(np.flatnonzero(~(law >= 0))[0])
            raise ConfigurationError(f"{expected} probabilities, got {law[k]:g} for point {k}")
        if not abs(law.sum() - 1) <= _TOLERANCE:
            raise ConfigurationError(
                f"{expected} probabilities that add up to 1, got a sum of {law.sum():.12g}"
            )
        return np.asarray(law / law.sum())

    def _checked_covariance(self, given: Any, d: int) -> Floats:
        U = _numbers(given)
        if U is None or U.shape != (d, d) or not np.isfinite(U).all():
            raise ConfigurationError(
                f"sampler {self.path}: expected of asymptotic_covariance(G) finite numbers of shape"
                f" ({d}, {d}), got {_kind(given)}"
            )
        return (U + U.T) / 2


def _adjacency(graph: Graph) -> "csr_array":
    from scipy.sparse import csr_array

    n = len(graph)
    ones = np.ones(len(graph.neighbours))
    return csr_array((ones, graph.neighbours, graph.offsets), shape=(n, n))


class _UsersPaths(SamplePaths):
    def __init__(
        self,
        law: CustomSampler,
        points: Sequence[int],
        graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        self._each = [
            _UsersPath(law, number, graph, streams._replace(agents=streams.agents[k : k + 1]))
            for k, (number, graph) in enumerate(zip(points, graphs, strict=True))
        ]

    def draw(self, out: Indices) -> None:
        for k, path in enumerate(self._each):
            path.draw(self.n, out[:, k])
        self.n += len(out)

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return self._each[k].memory()

    def recall(self, n: int, memories: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        for path, memory in zip(self._each, memories, strict=True):
            path.recall(memory)
        self.n = n


class _UsersPath:
    """The paths of one agent in all trials, by an object of the user's class."""

    def __init__(
        self, law: CustomSampler, points: int, graph: Ground | None, streams: Streams
    ) -> None:
        self._name = f"sampler {law.path}"
        self._points = points
        self._streams = streams
        own = law.made_for(points, graph)
        self._own = own
        self._numbers = self._whole_number("uniforms_per_step")
        if callable(getattr(own, "start", None)):
            own.start(self._uniforms(Purpose.START, 0, 1)[0])
        names = getattr(own, "memory", ())
        if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
            raise ConfigurationError(
                f'{self._name}: expected names such as memory = ("at",), got {shown(names)}'
            )
        self._remembered = names
        self.memory()

    def draw(self, n: int, out: Indices) -> None:
        steps, trials = out.shape
        if steps == 0:
            return
        numbers = self._uniforms(Purpose.SAMPLING, n * (self._numbers or 1), steps)
        given = self._own.draw(steps, numbers)
        drawn = np.asarray(given)
        if drawn.shape != (steps, trials) or drawn.dtype.kind not in "iu":
            raise LocalError(
                f"{self._name}: expected of draw whole numbers of shape ({steps}, {trials}), which"
                f" is (steps, trials), got {_kind(given)}"
            )
        if not (drawn.min() >= 0 and drawn.max() < self._points):
            row, t = map(int, np.argwhere((drawn < 0) | (drawn >= self._points))[0])
            raise LocalError(
                f"{self._name}: expected of draw indices from 0 to {self._points - 1}, got"
                f" {drawn[row, t]} for agent {self._streams.agents[0]} at step {n + row} in trial"
                f" {self._streams.first_trial + t}"
            )
        out[...] = drawn

    def memory(self) -> dict[str, NDArray[Any]]:
        found = {}
        for name in self._remembered:
            value = getattr(self._own, name, None)
            array = np.asarray(value)
            if value is None or array.dtype.kind not in "biufc":
                raise LocalError(
                    f"{self._name}: expected an array in {name}, which memory names, got"
                    f" {_kind(value)}; set it in start or in __init__"
                )
            found[name] = array
        return found

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        for name, now in self.memory().items():
            value = np.array(memory[name], dtype=now.dtype)
            whole = isinstance(getattr(self._own, name), np.ndarray)
            setattr(self._own, name, value if whole else value[()])

    def _uniforms(self, purpose: Purpose, first_row: int, steps: int) -> Floats:
        """Numbers of [0, 1) with 53 random bits."""
        streams, each = self._streams, self._numbers
        numbers = np.empty((steps * (each or 1), streams.trials))
        agent = int(streams.agents[0])
        random_units(streams.seed, purpose, agent, streams.first_trial, first_row, numbers)
        return numbers if each is None else numbers.reshape(steps, each, streams.trials)

    def _whole_number(self, attribute: str) -> int | None:
        value = getattr(self._own, attribute, None)
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ConfigurationError(
                f"{self._name}: expected a whole number {attribute} ≥ 1, got {shown(value)}"
            )
        return value


def _numbers(given: Any) -> Floats | None:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _kind(given: Any) -> str:
    """What something is, in words."""
    if isinstance(given, np.ndarray):
        return f"{given.dtype} of shape {given.shape}"
    return shown(given)
