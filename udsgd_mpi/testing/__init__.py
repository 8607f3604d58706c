"""Contract tests: what each member of a family has to keep, the package's own and yours.

A test module for your own objective, for pytest::

    from udsgd_mpi.objectives import Custom
    from udsgd_mpi.testing import ObjectiveContract

    class TestHuber(ObjectiveContract):
        objective = Custom(path="mine:Huber", arguments={"width": 0.3})

Each method ``test_…`` of a contract is a property.
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
