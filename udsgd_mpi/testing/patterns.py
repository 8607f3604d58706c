"""What every communication pattern has to keep."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple
from unittest import SkipTest

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout, Pattern, Schedule, contraction
from udsgd_mpi.communication.intervals import LAST_STEP
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.parallel.watched import world
from udsgd_mpi.support.meter import Meter
from udsgd_mpi.testing.contract import ContractError, require, require_close, require_same
from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx, matrix
from udsgd_mpi.testing.runs import RunContract, as_settings

Floats = NDArray[np.float64]

_SEED = 3
_LONG, _SLOWEST = 600, 15_000  # aggregations
_NEAR = 1e-6


class _Case(NamedTuple):
    """The pattern on a topology."""

    schedule: Schedule
    agents: int
    where: str
    graph: nx.Graph


class PatternContract(RunContract):
    """W_n: doubly stochastic, the same wherever and whenever it is asked for, and contracting.

    Attributes
    ----------
    pattern
        The member.
    topologies
        To try it on.
    steps
        How many W_n are looked at.
    on_topology
        Whether W joins agents only that the topology joins, unless it is the average of all.
    contracts
        Whether two agents come together.
    exact
        Whether 600 aggregations have as many of each W as is expected.
    """

    basis = "test_w_is_doubly_stochastic"
    pattern: ClassVar[Pattern]
    topologies: ClassVar[Mapping[str, nx.Graph]] = {
        name: graph for name, graph in TOPOLOGIES.items() if len(graph) > 2
    }
    steps: ClassVar[int] = 40
    on_topology: ClassVar[bool] = True
    contracts: ClassVar[bool] = True
    exact: ClassVar[bool] = True

    def settings(self) -> dict[str, Any]:
        return {"communication": as_settings(self.pattern)}

    def start(self, topology: nx.Graph) -> Schedule:
        """The schedule on a topology."""
        return self.pattern.start(from_networkx(topology, "topology"), _SEED)

    def matrices(self, topology: nx.Graph) -> list[Floats]:
        """W_1, W_2, …."""
        schedule = self.start(topology)
        return [matrix(schedule, n, len(topology)) for n in range(1, self.steps + 1)]

    def cases(self) -> Iterator[_Case]:
        """The pattern on each topology."""
        for name, topology in self.topologies.items():
            where = f"on the {name} topology of {len(topology)} agents"
            yield _Case(self.start(topology), len(topology), where, topology)

    def test_w_is_doubly_stochastic(self) -> None:
        for case in self.cases():
            for n, W in enumerate(self.matrices(case.graph), start=1):
                require(
                    W.shape == (case.agents, case.agents),
                    f"W_{n} {case.where}: expected shape {(case.agents, case.agents)}, got"
                    f" {W.shape}; one row and one column for each agent",
                )
                require(
                    (W >= 0).all(),
                    f"W_{n} {case.where}: expected no negative weight, got {W.min():.9g}",
                )
                for axis, of in ((1, "row"), (0, "column")):
                    require_close(
                        W.sum(axis=axis),
                        np.ones(case.agents),
                        f"sum of {of} {{}} of W_{n} {case.where}",
                        "W is doubly stochastic, so that it keeps the mean of all agents",
                        relative=0,
                        absolute=1e-15 * case.agents,
                    )

    def test_times_of_a_part_are_those_of_the_whole(self) -> None:
        for case in self.cases():
            schedule, last = case.schedule, 200
            whole = schedule.times(0, last).tolist()
            aggregating = [n for n in range(1, last + 1) if schedule.aggregates(n)]
            require(
                whole == aggregating,
                f"aggregation times {case.where}: expected {aggregating}, one by one, got {whole}",
            )
            for n, m in ((0, 1), (3, 17), (17, 18), (19, 19), (40, last)):
                order = [schedule.which(time) for time in whole if n < time <= m]
                expected = {
                    "times": [time for time in whole if n < time <= m],
                    "count": sum(time <= m for time in whole),
                    "order": order,
                    "uses": [order.count(k) for k in range(len(schedule.forms))],
                }
                got = {
                    "times": schedule.times(n, m).tolist(),
                    "count": schedule.count(m),
                    "order": schedule.order(n, m).tolist(),
                    "uses": schedule.uses(n, m).tolist(),
                }
                for query, answer in expected.items():
                    require(
                        got[query] == answer,
                        f"{query} of the steps {n + 1} to {m} {case.where}: expected {answer}, by"
                        f" those of all {last} steps, got {got[query]}",
                    )
            for most, m in ((5, last), (5, 2)):
                first = [time for time in whole if time <= m][:most]
                require(
                    schedule.first(most, m).tolist() == first,
                    f"first {most} aggregations up to step {m} {case.where}: expected {first}, got"
                    f" {schedule.first(most, m).tolist()}",
                )

    def test_w_joins_neighbours_only(self) -> None:
        for case in self.cases():
            allowed = nx.to_numpy_array(case.graph, nodelist=range(case.agents)) > 0
            allowed |= np.eye(case.agents, dtype=bool)
            for n, W in enumerate(self.matrices(case.graph), start=1):
                is_average = np.ptp(W) < 1e-15
                if self.on_topology and not is_average and W[~allowed].any():
                    i, j = np.argwhere((W != 0) & ~allowed)[0]
                    raise ContractError(
                        f"W_{n} {case.where}: expected 0 for agents {i} and {j}, which it does not"
                        f" join, got {W[i, j]:.6g}; use its links, or set on_topology = False"
                    )

    def test_w_is_the_same_on_every_rank_and_in_any_order(self) -> None:
        for case in self.cases():
            whole = self.matrices(case.graph)
            for n in (self.steps, 7, 8, self.steps, 1):
                require_same(
                    matrix(case.schedule, n, case.agents),
                    whole[n - 1],
                    f"W_{n}{{}} {case.where}, asked for again in another order",
                    "W is a function of n and the generator that is handed in: keep nothing from"
                    " earlier calls, and draw nowhere else",
                )

    def test_second_moment_is_the_mean_of_the_squares(self) -> None:
        """Entry by entry, within four of the largest standard errors that 600 draws can have."""
        known = [(case, case.schedule.second_moment(case.agents)) for case in self.cases()]
        if all(moment is None for _, moment in known):
            raise SkipTest("there is no closed form of it")
        for case, moment in known:
            if moment is None:
                continue
            # Every 20th, as links remember their state.
            stride = 1 if self.exact else 20
            times = case.schedule.times(0, _LONG * 20 * 6)[: _LONG * 20 : stride][:_LONG]
            drawn = (case.schedule.mixing(n).matrix(case.agents) for n in times.tolist())
            squares = np.array([W.T @ W for W in drawn])
            S = moment.matrix()
            expected = S + (1 - S.sum(axis=1)) / case.agents
            # Entries are in [0, 1].
            error = 0 if self.exact else np.sqrt(abs(expected * (1 - expected)) / len(squares))
            off = np.abs(squares.mean(axis=0) - expected) - 4 * error
            require(
                (off <= 1e-12).all(),
                f"E[WᵀW] {case.where}: expected the mean of {len(squares)} draws, got one that is"
                f" {off.max():.2g} further away than chance explains; correct second_moment",
            )
            largest = np.linalg.eigvalsh(expected - 1 / case.agents)[-1]
            factor = contraction(case.schedule, case.agents).factor
            require(
                abs(factor**2 - max(0, largest)) <= 1e-12,
                f"contraction {case.where}: expected {max(0, largest) ** 0.5:.9g}, by E[WᵀW], got"
                f" {factor:.9g}",
            )

    def test_w_brings_the_agents_together(self) -> None:
        for case in self.cases():
            if case.agents == 1 or (case.agents == 2 and not self.contracts):
                continue
            product, apart = np.eye(case.agents), 1.0
            for l, n in enumerate(case.schedule.first(_SLOWEST, LAST_STEP).tolist(), start=1):
                product = case.schedule.mixing(n).matrix(case.agents) @ product
                if l % _LONG == 0 and (apart := np.abs(product - 1 / case.agents).max()) <= _NEAR:
                    break
            require(
                apart <= _NEAR,
                f"product of {_SLOWEST:,} W {case.where}: expected 1/N in each place, got one that"
                f" is {apart:.2g} away; let each agent hear of all others, and keep part of its θ",
            )
            factor = contraction(case.schedule, case.agents).factor
            require(
                factor < 1 - 1e-6,
                f"contraction {case.where}: expected less than 1, got {factor:.9g}",
            )

    def test_the_exchange_is_the_product_with_w(self) -> None:
        """On the ranks that there are: start it with mpirun to exchange messages."""
        comm = world()
        for case in self.cases():
            if case.agents < comm.size:
                continue
            layout = Layout.even(case.agents, comm.size)
            copies = case.schedule.most_copies(layout, comm.rank)
            rows = MixedRows(layout, comm.rank, copies, (2, 3))
            whole = np.random.default_rng(case.agents).normal(size=(case.agents, 2, 3))
            hosted = layout.hosted(comm.rank)
            mine = slice(hosted.start, hosted.stop)
            rows.values[:] = whole[mine]
            mix = Mixer(comm, case.schedule, rows, Meter())
            for n in range(1, self.steps + 1):
                mix(n)
                whole = np.einsum("ij,jtd->itd", matrix(case.schedule, n, case.agents), whole)
                require_close(
                    rows.values,
                    whole[mine],
                    f"θ{{}} after the exchange of step {n} {case.where}",
                    "the exchange does not carry out W",
                    relative=1e-12,
                    absolute=1e-14,
                )
            mix.free()
