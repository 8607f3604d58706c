"""Contract tests: what each member of a family has to keep, the package's own and yours.

A test module for your own sampler, for pytest::

    from udsgd_mpi.samplers import CustomSampler
    from udsgd_mpi.testing import SamplerContract

    class TestLazyWalk(SamplerContract):
        sampler = CustomSampler(path="mine:LazyWalk", arguments={"stay": 0.3})

Each method ``test_…`` of a contract is a property. ``udsgd check mine:LazyWalk`` tries the same
ones without pytest.
"""

from udsgd_mpi.testing.contract import Contract, ContractError
from udsgd_mpi.testing.methods import MethodContract
from udsgd_mpi.testing.objectives import ObjectiveContract
from udsgd_mpi.testing.partitions import PartitionContract
from udsgd_mpi.testing.patterns import PatternContract
from udsgd_mpi.testing.readers import ReaderContract
from udsgd_mpi.testing.runs import RunContract
from udsgd_mpi.testing.samplers import SamplerContract

__all__ = [
    "Contract",
    "ContractError",
    "MethodContract",
    "ObjectiveContract",
    "PartitionContract",
    "PatternContract",
    "ReaderContract",
    "RunContract",
    "SamplerContract",
]
