"""Both lines of the equation in one kernel, where every half-step that is needed lies in memory.

No interpreter runs between two steps. A rank of many on a core finds little of it in the caches
when its turn comes, and it takes longer than the step.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from udsgd_mpi.communication.forms.links import DRAW_LINKS, DRAWING, SUPPORT, Flags, keep_there
from udsgd_mpi.engine.exchange_plan import Rows
from udsgd_mpi.engine.iterates import THETA
from udsgd_mpi.engine.link_plan import LinkPlan
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.kernels.agent_sums import COMBINE, combine
from udsgd_mpi.kernels.compiled import Kernel, inlined, specialised
from udsgd_mpi.kernels.rounding import QUANTIZE, restore_rows
from udsgd_mpi.kernels.shared_counters import LOOKS, Counts, advance_counter, others_reached
from udsgd_mpi.methods.base import Memory as OfMethod
from udsgd_mpi.methods.steps import moves_on, steps_of_moves
from udsgd_mpi.objectives import CompiledObjective
from udsgd_mpi.objectives.compiled import DENSE_POINTS, LOCAL_STEPS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MONOTONIC = getattr(time, "CLOCK_MONOTONIC", 1)


class Stack(NamedTuple):
    """Some rows of each of several W, one after the other.

    Attributes
    ----------
    offsets, columns, values, needed, rows
        As of ``Rows``; ``offsets`` begin where the entries of each W do.
    first_needed, first_row
        Where each W begins in ``needed`` and ``rows``, and one past the last; shape (W + 1,).
        Its offsets begin as many places later as there are W before it.
    """

    offsets: Integers
    columns: NDArray[np.int32]
    values: Floats
    needed: Integers
    rows: Integers
    first_needed: Integers
    first_row: Integers

    @classmethod
    def of(cls, parts: Sequence[Rows]) -> "Stack":
        """Copied together; the rows of one W stay where they are."""
        entries, needed, rows = (
            np.append(0, np.cumsum([len(each[k]) for each in parts])) for k in (2, 3, 4)
        )
        if len(parts) == 1:
            return cls(*parts[0], needed, rows)
        begun = zip(parts, entries.tolist(), strict=False)
        parts = [part._replace(offsets=part.offsets + first) for part, first in begun]
        offsets, columns, values, places, own = map(np.concatenate, zip(*parts, strict=True))
        return cls(offsets, columns, values, places, own, needed, rows)


class Done(NamedTuple):
    """What was done.

    Attributes
    ----------
    exchanges
        How many were made.
    local, waited
        Seconds of local steps and of waiting.
    messages, rows
        What other ranks were given, where links are drawn.
    """

    exchanges: int
    local: float
    waited: float
    messages: int
    rows: int


class FusedSteps:
    """Local steps, and the exchanges between them.

    Parameters
    ----------
    steps
        The local ones.
    near
        Where the counts of ranks are whose half-steps are needed, see ``SharedCounters``.
    interiors, borders
        Rows of each W that need no other rank, and the others.
    links
        Where links are drawn: the plan that the only interior and border are of.
    """

    def __init__(
        self,
        steps: LocalSteps,
        near: Counts,
        interiors: Sequence[Rows],
        borders: Sequence[Rows],
        links: LinkPlan | None = None,
    ) -> None:
        objective, points = steps.objective, steps.points
        if not isinstance(objective, CompiledObjective) or points.sparse:
            message = "only compiled objectives on dense rows are fused"
            raise TypeError(message)
        descend = None if steps.moves else objective.kernels(points).descend
        self._method = descend, *(steps.moves or [None] * 5)
        self._points = objective.arguments(points, steps.batch, steps.iterates.theta.shape[-1])
        self._mixed = mixed = steps.iterates.mixed[THETA]
        shape, shared = steps.iterates.theta.shape, mixed.memory
        theta = tuple(buffer[: mixed.agents].reshape(shape) for buffer in mixed.buffers)
        counters = shared.counters.counts, shared.counters.mine, near
        stacks = Stack.of(interiors), Stack.of(borders)
        of_links: tuple[Any, ...] = (None, None, None, None)
        if links:
            drawing, needs = tuple(links.drawing), tuple(links.sends[1:])
            of_links = links.kernel, drawing, tuple(links.supports), needs
        self._where: tuple[Any, ...] = (
            theta, shared.buffers, mixed.buffers, mixed.lost, mixed.codec.quantize, *counters,
            *map(tuple, stacks), *of_links
        )  # fmt: skip
        self._run = _RUNS[links is not None, steps.moves is not None]

    def __call__(
        self,
        n: int,
        X: NDArray[np.int32],
        gamma: Floats,
        times: Integers,
        which: Integers,
        number: int,
    ) -> Done:
        """All steps; or up to an exchange for which others are late, with its interior mixed.

        Parameters
        ----------
        n
            How many steps the run has had before.
        X, gamma
            First rows of the mini-batches, shape (steps, agents, trials); step sizes.
        times
            The numbers of steps after which there is an exchange, ascending.
        which
            Which of the W each exchange takes.
        number
            How many aggregations the run has had before.
        """
        seconds, given = np.zeros(2), np.zeros(2, dtype=np.int64)
        exchanges = self._run(
            *self._method, combine, n, X, gamma, times, which, number, seconds, given,
            self._points, self._mixed.present, *self._where
        )  # fmt: skip
        local, waited = seconds.tolist()
        messages, rows = given.tolist()
        return Done(int(exchanges), local, waited, messages, rows)


_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.uintp))


@inlined
def _now(memory: Integers) -> float:
    """Seconds of a clock; memory is (2,)."""
    _clock_gettime(_MONOTONIC, memory.ctypes.data)
    return float(memory[0] + 1e-9 * memory[1])


_POINTS = f"Tuple(({DENSE_POINTS}))"
_BUFFERS = "UniTuple(float64[:, ::1], 2)"
_STACK = (
    "Tuple((int64[::1], int32[::1], float64[::1], int64[::1], int64[::1], int64[::1], int64[::1]))"
)


_LOCAL_STEPS = f"FunctionType({LOCAL_STEPS.format(DENSE_POINTS)})"
_STEPS = (
    f"FunctionType({COMBINE}), int64, int32[:, :, ::1], float64[::1],"
    f" int64[::1], int64[::1], int64, float64[::1], int64[::1], {_POINTS}, int64,"
    f" UniTuple(float64[:, :, ::1], 2), {_BUFFERS}, {_BUFFERS}, float64[:, ::1],"
    f" FunctionType({QUANTIZE}), int64[::1], int64, int64[::1], {_STACK}, {_STACK}"
)
_LINKS = f"FunctionType({DRAW_LINKS}), {DRAWING}, UniTuple({SUPPORT}, 2), UniTuple(int64[::1], 3)"


@specialised
def _descend(
    local_steps: Callable[..., None] | None,
    slopes_of: Callable[..., None] | None,
    move: Callable[..., None] | None,
    slopes: Floats | None,
    memory: OfMethod | None,
    parameters: Floats | None,
    n: int,
    theta: Floats,
    X: NDArray[np.int32],
    gamma: Floats,
    of_points: tuple[Floats, Floats, Floats, Integers, Floats],
) -> None:
    """Take the local steps, by the kernel for them, or else by a method's moves."""
    if local_steps is not None:
        local_steps(theta, None, X, gamma, *of_points)
    if move is not None:
        steps_of_moves(slopes_of, move, slopes, memory, parameters, n, theta, X, gamma, of_points)


def _steps(
    local_steps: Callable[..., None] | None,
    slopes_of: Callable[..., None] | None,
    move: Callable[..., None] | None,
    slopes: Floats | None,
    memory: OfMethod | None,
    parameters: Floats | None,
    combine: Callable[..., None],
    n: int,
    X: NDArray[np.int32],
    gamma: Floats,
    times: Integers,
    which: Integers,
    number: int,
    seconds: Floats,
    given: Integers,
    of_points: tuple[Floats, Floats, Floats, Integers, Floats],
    present: int,
    theta: tuple[Floats, Floats],
    half_steps: tuple[Floats, Floats],
    mixed: tuple[Floats, Floats],
    lost: Floats,
    quantize: Callable[..., None],
    counts: Integers,
    mine: int,
    near: Integers,
    interior: Stack,
    border: Stack,
    draw: Callable[..., None] | None,
    drawing: Any,
    supports: Any,
    needs: Any,
) -> int:
    """How many exchanges were made.

    Parameters
    ----------
    seconds, given
        Receive those of ``Done``, shape (2,) each.
    present
        Which of the two buffers θ is in; with each exchange it changes to the other.
    theta, mixed
        Of the hosted agents, shape (agents, trials, d); the same as rows, (rows, trials · d).
    half_steps
        Of all agents that W joins to them, shape (rows, trials · d).
    lost
        Receives what messages lose of these agents' rows; without rows where they lose nothing.
    """
    now = np.empty(2, dtype=np.int64)
    start = 0
    for k in range(len(times) + 1):
        stop = times[k] if k < len(times) else len(X)
        if start < stop:
            began = _now(now)
            _descend(
                local_steps, slopes_of, move, slopes, memory, parameters,
                n + start, theta[present], X[start:stop], gamma[start:stop], of_points
            )  # fmt: skip
            seconds[0] += _now(now) - began
        if k == len(times):
            break
        if len(lost):
            quantize(mixed[present], lost)
        if len(near):
            advance_counter(counts, mine)
        if draw is not None:
            draw(number + k + 1, drawing)
            keep_there(supports[0], drawing[7], interior[0], interior[1], interior[2])
            keep_there(supports[1], drawing[7], border[0], border[1], border[2])
            _count(needs, drawing[7], given)
        _combine(combine, interior, which[k], half_steps[present], mixed[1 - present])
        if not others_reached(counts, mine, near, 1):
            began = _now(now)
            reached = others_reached(counts, mine, near, LOOKS)
            seconds[1] += _now(now) - began
            if not reached:
                return k
        _combine(combine, border, which[k], half_steps[present], mixed[1 - present])
        present = 1 - present
        if len(lost):
            restore_rows(mixed[present], lost)
        start = stop
    return len(times)


@inlined
def _combine(
    combine: Callable[..., None], stack: Stack, w: int, half_steps: Floats, mixed: Floats
) -> None:
    """Mix the rows of one W."""
    offsets, columns, values, needed, rows, first_needed, first_row = stack
    row, end = first_row[w], first_row[w + 1]
    if end > row:
        needed = needed[first_needed[w] : first_needed[w + 1]]
        combine(
            offsets[row + w : end + w + 1], columns, values, needed, rows[row:end],
            half_steps, mixed
        )  # fmt: skip


@inlined
def _count(needs: tuple[Integers, Integers, Integers], there: Flags, given: Integers) -> None:
    """Add the messages and half-steps that the links that are up carry; see ``Needs``."""
    of_rank, of_row, links = needs
    for rank in range(len(of_rank) - 1):
        rows = 0
        for row in range(of_rank[rank], of_rank[rank + 1]):
            for k in range(of_row[row], of_row[row + 1]):
                if there[links[k]]:
                    rows += 1
                    break
        given[0] += rows > 0
        given[1] += rows


def _compiled(*, links: bool, moves: bool) -> Kernel[..., int]:
    """``_steps`` with recurring W, or with links that are drawn, for a kind of method."""
    of_method = f"none, {moves_on(DENSE_POINTS)}" if moves else f"{_LOCAL_STEPS}{', none' * 5}"
    of_links = _LINKS if links else "none, none, none, none"
    return Kernel(_steps, f"int64({of_method}, {_STEPS}, {of_links})")


_RUNS = {
    (links, moves): _compiled(links=links, moves=moves)
    for links in (False, True)
    for moves in (False, True)
}
