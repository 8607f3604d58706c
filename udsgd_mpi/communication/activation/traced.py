"""Agents that are there as was recorded."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.activation.base import Activation, Flags, Integers, Presence
from udsgd_mpi.communication.intervals import LAST_STEP
from udsgd_mpi.support.csv_rows import csv_rows
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import names_file
from udsgd_mpi.support.one_line import shown

Floats = NDArray[np.float64]

_COLUMNS = ["agent", "from", "to"]
_LONGEST_NUMBER = 10  # digits


class Traced(Activation, frozen=True, tag="trace"):
    """Agents are there as a file says.

    Parameters
    ----------
    path
        CSV with the columns agent, from, to: the agent is there at steps from + 1, …, to, so that
        ``3,0,100`` are the first hundred of agent 3. Rows may have any order; each agent has one
        at least, and its times do not overlap.
    period
        Steps after which the trace begins anew; by default it does not, and agents are away after
        their last time.
    """

    path: Annotated[str, names_file()]
    period: Annotated[int, Meta(ge=1, le=LAST_STEP)] | None = None

    def start(self, agents: int, seed: int) -> "Recorded":
        if self.scaled and self.period is None:
            raise ConfigurationError(
                "activation.scaled: expected a trace with a period, got one without, in which no"
                " share of the steps is that of every run; add activation.period"
            )
        name = f"activation.path {self.path}"
        stays = _read(Path(self.path).expanduser(), name, agents, self.period)
        return Recorded(stays, self.period)


class Stays(NamedTuple):
    """When an agent is there: at steps begins[k] + 1, …, ends[k], ascending."""

    begins: Integers
    ends: Integers


class Recorded(Presence):
    """The stays of each agent."""

    def __init__(self, stays: Sequence[Stays], period: int | None) -> None:
        super().__init__(len(stays))
        self._stays = stays
        self._period = period
        self._all = Stays(*map(np.concatenate, zip(*stays, strict=True)))
        sizes = np.array([len(begins) for begins, _ in stays])
        self._firsts = np.cumsum(sizes) - sizes

    def drawn(self, n: int, m: int, agents: Integers) -> Flags:
        steps = np.arange(n, m) if self._period is None else np.arange(n, m) % self._period
        there = np.empty((m - n, len(agents)), dtype=np.bool_)
        for k, agent in enumerate(agents.tolist()):
            begins, ends = self._stays[agent]
            begun = np.searchsorted(begins, steps, side="right")
            there[:, k] = (begun > 0) & (steps < ends[begun - 1])
        return there

    def shares(self, last: int) -> Floats:
        last = last if self._period is None else self._period
        steps = np.minimum(self._all.ends, last) - np.minimum(self._all.begins, last)
        return np.asarray(np.add.reduceat(steps, self._firsts) / last)

    def fluctuations(self) -> Floats | None:
        return None if self._period is None else np.zeros(self.agents)

    def meetings(self) -> Iterator[Flags]:
        """When one comes: of two that meet, one finds the other there."""
        for n in np.unique(self._all.begins).tolist():
            yield self.drawn(n, n + 1, self._every)[0]


class _Row(NamedTuple):
    line: int
    agent: int
    begin: int
    end: int


def _read(path: Path, name: str, agents: int, period: int | None) -> list[Stays]:
    rows = sorted(_rows(path, name, agents, period), key=lambda row: (row.agent, row.begin))
    for before, after in pairwise(rows):
        if before.agent == after.agent and after.begin < before.end:
            first, second = sorted((before, after))
            raise ConfigurationError(
                f"{name}: line {second.line}: expected times of agent {second.agent} that do not"
                f" overlap, got {second.begin} to {second.end}, and {first.begin} to {first.end} in"
                f" line {first.line}; join them"
            )
    found: list[list[tuple[int, int]]] = [[] for _ in range(agents)]
    for row in rows:
        found[row.agent].append((row.begin, row.end))
    if [] in found:
        raise ConfigurationError(
            f"{name}: expected a row for each of {agents} agents, got none for agent"
            f" {found.index([])}, who would never be there; add one, or use fewer agents"
        )
    return [Stays(*np.array(stays, dtype=np.int64).T.copy()) for stays in found]


def _rows(path: Path, name: str, agents: int, period: int | None) -> Iterator[_Row]:
    last = LAST_STEP if period is None else period
    until = "the last step there can be" if period is None else "activation.period"
    columns: list[str] = []
    for line, words in csv_rows(path, name):
        where = f"{name}: line {line}"
        if not columns:
            columns = words
            if sorted(columns) != sorted(_COLUMNS):
                raise ConfigurationError(
                    f"{where}: expected the columns agent, from, to, got {shown(', '.join(words))}"
                )
            continue
        whole = [
            word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER for word in words
        ]
        if len(words) != len(columns) or not all(whole):
            raise ConfigurationError(
                f"{where}: expected three whole numbers from 0 on, got {shown(','.join(words))}"
            )
        row = dict(zip(columns, map(int, words), strict=True))
        agent, begin, end = (row[column] for column in _COLUMNS)
        if agent >= agents:
            raise ConfigurationError(
                f"{where}: expected one of the agents 0-{agents - 1}, got {agent}; use as many"
                " agents as the trace has"
            )
        if begin >= end:
            raise ConfigurationError(f"{where}: expected from < to, got {begin} and {end}")
        if end > last:
            raise ConfigurationError(f"{where}: expected to up to {last}, {until}, got {end}")
        yield _Row(line, agent, begin, end)
    if not columns:
        raise ConfigurationError(f"{name}: expected the columns agent, from, to, got no line")
