"""The settings of one variant of an experiment."""

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct, field
from numpy.typing import NDArray

from udsgd_mpi.communication import AnyPattern
from udsgd_mpi.communication.dsgd import DSGD
from udsgd_mpi.data.partition import AnyPartition, Even
from udsgd_mpi.graphs.sources import AnyGraph, Ring
from udsgd_mpi.objectives import AnyObjective, Logistic
from udsgd_mpi.samplers import AnySampler
from udsgd_mpi.samplers.base import Weight
from udsgd_mpi.step_size import StepSize

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """``source`` names a bundled data set or a LIBSVM file."""

    source: str = "breast_cancer"
    standardize: bool = False


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """Agents with one sampler, and with one recipe for their data graphs.

    Parameters
    ----------
    share
        Fraction of the agents; the shares of all groups add up to 1.
    agents
        Instead of shares: the agents themselves, e.g. ``"0-49, 60"``.
    """

    sampler: AnySampler
    graph: AnyGraph | None = None
    share: Annotated[float, Meta(gt=0, le=1)] | None = None
    agents: str | None = None


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written, and at which steps.

    Parameters
    ----------
    detail
        ``"average"``: the network average and its errors; ``"iterates"``: every agent's θ too.
    points
        Number of recording steps, in geometric progression up to the last step.
    steps
        Instead: the recording steps themselves.
    polyak
        Whether the error of the Polyak–Ruppert average (1/n) Σ_{s<n} θ_s is recorded too; it
        takes a pass over θ at every step.
    """

    detail: Literal["average", "iterates"] = "average"
    points: Count = 100
    steps: list[Annotated[int, Meta(ge=0)]] | None = None
    polyak: bool = False

    def at(self, last: int) -> NDArray[np.int64]:
        """Recording steps, ascending, up to and with ``last``."""
        if self.steps is not None:
            return np.unique([n for n in self.steps if n <= last] + [last]).astype(np.int64)
        return np.unique(np.rint(np.geomspace(1, last, self.points)).astype(np.int64))


class Experiment(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides the numbers of one variant.

    Parameters
    ----------
    agents
        N; by default one for each rank.
    weight
        Importance weight of a sampled point: ``"unbiased"`` mean degree / degree, ``"literal"``
        1 / degree (paper, eq. 91), ``"none"`` 1.
    """

    title: str = ""
    agents: Count | None = None
    steps: Count = 20_000
    trials: Count = 64
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 1
    output: str = "udsgd.h5"
    weight: Weight = "unbiased"
    data: Data = Data()
    partition: AnyPartition = Even()
    objective: AnyObjective = Logistic()
    step_size: StepSize = StepSize()
    topology: AnyGraph = Ring()
    communication: AnyPattern = DSGD()
    groups: Annotated[dict[str, Group], Meta(min_length=1)]
    record: Record = field(default_factory=Record)
