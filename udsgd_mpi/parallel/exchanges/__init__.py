"""How ranks carry out W, a file for each kind of exchange.

To add a form of W, register its exchange here.
"""

from functools import singledispatch

from udsgd_mpi.communication import (
    Average,
    Form,
    OnLinks,
    OwnMatrices,
    PartialAverage,
    PresentAverage,
    PresentWeights,
    Rounds,
    StaleWeights,
    Weights,
)
from udsgd_mpi.parallel.exchanges.averages import AverageExchange, RoundExchange
from udsgd_mpi.parallel.exchanges.base import Exchange, Ranks
from udsgd_mpi.parallel.exchanges.compressed import CompressedExchange
from udsgd_mpi.parallel.exchanges.links import LinkExchange
from udsgd_mpi.parallel.exchanges.sparse import NeighbourExchange, SparseExchange
from udsgd_mpi.parallel.exchanges.stale import StaleExchange
from udsgd_mpi.parallel.exchanges.whole import WholeExchange


@singledispatch
def exchange_of(form: Form, _ranks: Ranks) -> Exchange:
    """The exchange that carries out W of a form; collective."""
    message = f"expected a form of W with an exchange, got {type(form).__name__}: register one"
    raise TypeError(message)


@exchange_of.register
def _(form: Weights, ranks: Ranks) -> Exchange:
    compressed = ranks.array.public is not None
    return CompressedExchange(form, ranks) if compressed else NeighbourExchange(form, ranks)


exchange_of.register(StaleWeights, StaleExchange)
exchange_of.register(OnLinks, LinkExchange)
exchange_of.register(OwnMatrices, WholeExchange)
exchange_of.register(Average, AverageExchange)
exchange_of.register(PartialAverage, RoundExchange)
exchange_of.register(Rounds, RoundExchange)
exchange_of.register(PresentAverage, RoundExchange)
exchange_of.register(PresentWeights, WholeExchange)

__all__ = ["Exchange", "Ranks", "SparseExchange", "exchange_of"]
