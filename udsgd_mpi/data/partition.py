"""Which agent holds which rows of the data set.

To add a partition, write its class and name it in ``AnyPartition``.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta, Struct, field
from numpy.typing import NDArray

from udsgd_mpi.data.features import Features
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import names_file
from udsgd_mpi.support.plugin import made
from udsgd_mpi.support.users_code import users

RowNumbers = NDArray[np.int64]
Positive = Annotated[int, Meta(ge=1)]

_TRIES = 100
_HARDLY = 1e-12


class Shares(NamedTuple):
    """Rows of each agent, and how many rows are left over."""

    rows: list[RowNumbers]
    left_over: int


class Partition(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A way to share out rows; f is the mean of the agents' f_i, whatever their sizes."""

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        """Rows of every agent; a pure function of its arguments.

        Raises
        ------
        ConfigurationError
            If the rows do not suffice, or an agent would be left without data.
        """
        raise NotImplementedError

    def share_points(
        self, features: Features, labels: NDArray[np.float64], agents: int, seed: int
    ) -> Shares:
        """The same, where features may count too."""
        return self.share(labels, agents, seed)


class Even(Partition, frozen=True, tag="even"):
    """Disjoint shares of one size, after a shuffle; what remains is left over.

    Parameters
    ----------
    points
        Size of a share; by default ⌊rows / N⌋.
    """

    points: Positive | None = None

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        order = generator(seed, Purpose.PARTITION).permutation(len(labels))
        return _equal_parts(order, agents, self.points)


class ByLabel(Partition, frozen=True, tag="by_label"):
    """Disjoint shares of one size from the rows in order of their labels."""

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        shuffled = generator(seed, Purpose.PARTITION).permutation(len(labels))
        return _equal_parts(shuffled[np.argsort(labels[shuffled], kind="stable")], agents, None)


class Unequal(Partition, frozen=True, tag="unequal"):
    """Disjoint shares of given sizes, after a shuffle.

    Parameters
    ----------
    sizes
        Number of points of each agent.
    """

    sizes: Annotated[list[Positive], Meta(min_length=1)]

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        ends = np.cumsum(self.sizes)
        if len(self.sizes) != agents or ends[-1] > len(labels):
            raise ConfigurationError(
                f"partition.sizes: expected {agents} sizes that add up to {len(labels)} rows at"
                f" most, got {len(self.sizes)} that add up to {ends[-1]}"
            )
        order = generator(seed, Purpose.PARTITION).permutation(len(labels))
        parts = np.split(order, ends)
        return Shares(parts[:-1], len(parts[-1]))


class Dirichlet(Partition, frozen=True, tag="dirichlet"):
    """Disjoint shares with labels in random proportions, of unequal sizes or of one size.

    By default all rows are shared out, each label's in Dirichlet(α, …, α) proportions, drawn again
    until every agent has enough (Yurochkin et al., 2019). With ``points``, one agent after the
    other draws its own proportions of labels from Dirichlet(α p), p being those of all rows, and
    takes so many rows by them as long as there are such (Hsu, Qi and Brown, 2019).

    Parameters
    ----------
    alpha
        α > 0; small values give every agent few labels.
    minimum
        Least number of points of an agent.
    points
        Size of every share.
    """

    alpha: Annotated[float, Meta(gt=0)] = 0.5
    minimum: Positive = 2
    points: Positive | None = None

    def __post_init__(self) -> None:
        if self.points is not None and self.points < self.minimum:
            raise ValueError(
                f"expected a minimum of at most the {self.points} points of every agent, got"
                f" {self.minimum}"
            )

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        rng = generator(seed, Purpose.PARTITION)
        if self.points is not None:
            return self._of_one_size(labels, agents, self.points, rng)
        if agents * self.minimum > len(labels):
            raise _too_few(len(labels), agents, self.minimum)
        for _ in range(_TRIES):
            rows = self._draw(labels, agents, rng)
            sizes = [len(part) for part in rows]
            if min(sizes) >= self.minimum:
                return Shares(rows, 0)
        poorest = int(np.argmin(sizes))
        raise ConfigurationError(
            f"partition: expected at least {self.minimum} points for every agent, but in each of"
            f" {_TRIES} draws one got fewer (agent {poorest} got {sizes[poorest]} in the last);"
            " raise alpha, lower minimum, or use fewer agents"
        )

    def _of_one_size(
        self, labels: NDArray[np.float64], agents: int, points: int, rng: np.random.Generator
    ) -> Shares:
        if agents * points > len(labels):
            raise _too_few(len(labels), agents, points)
        kinds, all_of_them = np.unique(labels, return_counts=True)
        rows = [rng.permutation(np.flatnonzero(labels == kind)) for kind in kinds]
        left, parts = all_of_them.copy(), []
        for _ in range(agents):
            proportions = rng.dirichlet(self.alpha * all_of_them / len(labels))
            taken = np.zeros_like(left)
            while taken.sum() < points:
                # Labels that have run out, or that this agent hardly takes, give way to the others.
                weights = np.where(taken < left, np.maximum(proportions, _HARDLY), 0)
                drawn = rng.multinomial(points - taken.sum(), weights / weights.sum())
                taken = np.minimum(taken + drawn, left)
            ends = zip(rows, left, taken, strict=True)
            parts.append(np.concatenate([own[end - count : end] for own, end, count in ends]))
            left -= taken
        return Shares(parts, int(left.sum()))

    def _draw(
        self, labels: NDArray[np.float64], agents: int, rng: np.random.Generator
    ) -> list[RowNumbers]:
        parts: list[list[RowNumbers]] = [[] for _ in range(agents)]
        for label in np.unique(labels):
            rows = rng.permutation(np.flatnonzero(labels == label))
            proportions = rng.dirichlet(np.full(agents, self.alpha))
            cuts = np.rint(np.cumsum(proportions)[:-1] * len(rows)).astype(int)
            for part, own in zip(parts, np.split(rows, cuts), strict=True):
                part.append(own)
        return [np.concatenate(part) for part in parts]


class Shared(Partition, frozen=True, tag="shared"):
    """Every agent holds all rows."""

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        return Shares([np.arange(len(labels))] * agents, 0)


class CustomPartition(Partition, frozen=True, tag="custom"):
    """A class with ``rows(features, labels, agents, rng)``, a list of each agent's row numbers.

    ``rng`` is a NumPy generator keyed by the seed. Agents may have rows in common, but none a row
    twice.

    Parameters
    ----------
    path
        ``"module:Class"`` or ``"file.py:Class"``, see ``objectives.Custom``.
    arguments
        Keyword arguments of the class.
    """

    path: Annotated[str, names_file(of_class=True)]
    arguments: dict[str, Any] = field(default_factory=dict)

    def share_points(
        self, features: Features, labels: NDArray[np.float64], agents: int, seed: int
    ) -> Shares:
        own = made("partition", self.path, ("rows(features, labels, agents, rng)",), self.arguments)
        given = own.rows(features.copy(), labels.copy(), agents, generator(seed, Purpose.PARTITION))
        name = f"partition {self.path}"
        parts = [users(name, np.asarray, part) for part in users(name, list, given)]
        if len(parts) != agents:
            raise ConfigurationError(f"{name}: expected rows of {agents} agents, got {len(parts)}")
        for i, part in enumerate(parts):
            _check_rows(part, len(labels), f"{name}: rows of agent {i}")
        rows = [part.astype(np.int64) for part in parts]
        return Shares(rows, len(labels) - len(np.unique(np.concatenate(rows))))


AnyPartition = Even | ByLabel | Unequal | Dirichlet | Shared | CustomPartition


def _check_rows(rows: NDArray[Any], of: int, name: str) -> None:
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) == 0:
        raise ConfigurationError(
            f"{name}: expected whole numbers, one at least, got {rows.dtype} of shape {rows.shape}"
        )
    for row in rows[(rows < 0) | (rows >= of)][:1]:
        raise ConfigurationError(f"{name}: expected numbers from 0 to {of - 1}, got {row}")
    different, counts = np.unique(rows, return_counts=True)
    for row in different[counts > 1][:1]:
        raise ConfigurationError(f"{name}: expected each row once, got row {row} more than once")


def _equal_parts(order: RowNumbers, agents: int, points: int | None) -> Shares:
    size = points or len(order) // agents
    if size == 0 or size * agents > len(order):
        raise _too_few(len(order), agents, max(1, size))
    return Shares(list(order[: size * agents].reshape(agents, size)), len(order) - size * agents)


def _too_few(rows: int, agents: int, points: int) -> ConfigurationError:
    each = "one row" if points == 1 else f"{points} rows"
    most = rows // points
    fewer = f"--agents {most} or fewer" if most else "smaller shares"
    return ConfigurationError(
        f"partition: expected at least {each} for each agent, got {rows} rows for {agents}"
        f" agents; use {fewer}, or a larger data set"
    )
