"""The settings of one variant of an experiment."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr
from numpy.typing import NDArray

from udsgd_mpi.clock import AnyComputing, AnyLatency, Constant
from udsgd_mpi.communication import AnyActivation, AnyPattern
from udsgd_mpi.communication.codecs import SINGLE_AS_IS, Codec, Compressed
from udsgd_mpi.communication.dsgd import DSGD
from udsgd_mpi.data.datasets import NAMES
from udsgd_mpi.data.images.augmentation import Augmentation
from udsgd_mpi.data.libsvm import IndexBase
from udsgd_mpi.data.partition import AnyPartition, Even
from udsgd_mpi.data.reader import CustomReader
from udsgd_mpi.data.tables.reader import TableReader
from udsgd_mpi.experiment.beside_token import check_beside_token
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.graphs.sources import AnyGraph
from udsgd_mpi.methods import SGD, AnyMethod
from udsgd_mpi.methods.step_sizes import AnyStepSize, completed
from udsgd_mpi.objectives import AnyObjective, Logistic
from udsgd_mpi.samplers import AnySampler
from udsgd_mpi.samplers.base import Weight
from udsgd_mpi.support.file_names import is_of_agents, names_file
from udsgd_mpi.theory.step_size import Polynomial
from udsgd_mpi.tokens import Token

AnyReader = CustomReader | TableReader

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Bandwidth = Annotated[float, Meta(gt=0)]


_BESIDE_READER = ("standardize", "augment")
_READ_BY_THE_PACKAGE = {"source": "breast_cancer", "path": None, "index_base": "auto"}


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the points come from.

    Parameters
    ----------
    source
        Name of a data set, a LIBSVM file, or images: CIFAR's Python version, idx files (MNIST),
        ``.npz``, or image files in a folder for each class, in a folder, tar or zip file. The
        partition shares out what is for training.
    path
        Instead: a LIBSVM file, or images, of each agent, its number in place of ``{agent}``, or of
        ``{agent:02d}`` for 00, 01, …. Only the host of an agent reads its file.
    standardize
        Shift and scale every feature to mean 0 and variance 1 over agents and their points;
        features that are constant become 0. Objectives that read images have every channel
        shifted and scaled, over all images for training; else pixels are from 0 to 1. Of tables it
        is every numeric column over all rows.
    augment
        Random crops and reflections of images, for objectives that read images.
    index_base
        Index of the first feature in LIBSVM files, 0 or 1. ``"auto"``: 0 if an index 0 stands in
        the file, or in that of any agent, else 1.
    reader
        Instead: a class of the user's own that reads points, or a table. ``data = { kind = …, … }``
        stands for ``data.reader = { kind = …, … }``, but for ``standardize`` beside it.
    """

    source: Annotated[str, names_file(NAMES, or_folder=True)] = "breast_cancer"
    path: Annotated[str, names_file()] | None = None
    standardize: bool = False
    augment: Augmentation | None = None
    index_base: IndexBase = "auto"
    reader: AnyReader | None = None

    @staticmethod
    def in_place(raw: Mapping[str, Any]) -> dict[str, Any]:
        """Settings with what belongs to a reader in a table of its own.

        Where they name one source of points alone, it takes the place of another that they are
        laid over.
        """
        if raw.keys() & {"kind", "arguments"}:
            beside = {key: value for key, value in raw.items() if key in _BESIDE_READER}
            reader = {k: value for k, value in raw.items() if k not in beside}
            return {**_READ_BY_THE_PACKAGE, **beside, "reader": reader}
        if len(raw.keys() & {"source", "path", "reader"}) == 1 and "reader" not in raw:
            return {"path": None, "reader": None, **raw}
        return dict(raw)

    @property
    def is_of_agents(self) -> bool:
        """Whether each agent's host reads that agent's points, and no other process does."""
        return self.path is not None if self.reader is None else self.reader.is_of_agents

    @property
    def name(self) -> str:
        """What the points are read from."""
        return self.reader.path if self.reader else self.path or self.source

    def __post_init__(self) -> None:
        if self.path is not None and not is_of_agents(self.path):
            raise ValueError(
                "expected {agent} in path, in place of each agent's number; for one file of all"
                f" agents use source, for a table data.reader.path; got path {self.path!r}"
            )
        elsewhere = any(getattr(self, key) != v for key, v in _READ_BY_THE_PACKAGE.items())
        if self.reader is not None and elsewhere:
            raise ValueError(
                "expected neither source, path nor index_base beside a class that reads data, got"
                f" source {self.source!r}, path {self.path!r} and index_base {self.index_base!r};"
                " leave them out, or the class"
            )


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """Agents with one sampler, and with one recipe for their data graphs.

    Parameters
    ----------
    share
        Fraction of the agents; the shares of all groups add up to 1. A group alone needs none.
    agents
        Instead of shares: the agents themselves, e.g. ``"0-49, 60"``.
    batch
        Number of points in a mini-batch. The batches are drawn once; what is sampled, or walked
        on, are batches, and points that fill no batch are left over.
    compute, bandwidth
        Their computing times, and the bandwidth of their links, instead of those of ``timing``.
    """

    sampler: AnySampler
    graph: AnyGraph | None = None
    share: Annotated[float, Meta(gt=0, le=1)] | None = None
    agents: str | None = None
    batch: Count = 1
    compute: AnyComputing | None = None
    bandwidth: Bandwidth | None = None


class Timing(Struct, frozen=True, forbid_unknown_fields=True):
    """Computing times and links on which a run's time is simulated; see ``clock``.

    Parameters
    ----------
    compute
        Computing time of a local step.
    latency
        Seconds that a message travels. A CSV file has them from the agent of each row to that of
        each column, N × N with 0 on the diagonal, and need not be symmetric. ``{ regions = …,
        seconds = … }`` has them between regions.
    bandwidth
        Bytes that an agent's link takes in a second, or a list with those of each agent; by default
        messages take no time to leave.
    stragglers
        Agents whose computing times are ``slowdown`` times as long, e.g. ``"3, 10-12"``.
    """

    compute: AnyComputing = Constant()
    latency: AnyLatency = 0.0
    bandwidth: Bandwidth | list[Bandwidth] = np.inf
    stragglers: str | None = None
    slowdown: Annotated[float, Meta(gt=0, le=1e9)] = 10.0


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written, and at which steps.

    Parameters
    ----------
    detail
        ``"average"``: the network average and its errors; ``"iterates"``: every agent's θ too.
    per_decade
        Number of recording steps from n to 10 n, in geometric progression from 1 on whatever the
        last step is, which is recorded too.
    points
        Instead: their number, in geometric progression up to the last step; 1 is that alone.
    steps
        Instead: the recording steps themselves.
    polyak
        Whether the error of the Polyak–Ruppert average (1/n) Σ_{s<n} θ_s is recorded too; it
        takes a pass over θ at every step.
    theta
        Whether the network average θ_n itself is recorded; by default where the objective has a
        minimiser, as the others may have millions of parameters.
    loss
        Whether losses and the norm of the gradient at θ_n are recorded; by default where the
        objective has no minimiser from which θ_n could have an error.
    loss_points
        Number of points of each agent over which they are taken, spread evenly over its points;
        all of them where they are no more. Of a test part it is always all.
    predict
        Whether what theory predicts is written beside what is measured; takes some sampling, and
        some trials of the update. Not done without a Hessian, where V would take more than a
        minute, or for data graphs beyond 10,000 nodes.
    """

    detail: Literal["average", "iterates"] = "average"
    per_decade: Count = 25
    points: Count | None = None
    steps: list[Annotated[int, Meta(ge=0)]] | None = None
    polyak: bool = False
    theta: bool | None = None
    loss: bool | None = None
    loss_points: Count = 1000
    predict: bool = True

    def most(self, last: int) -> int:
        """Number of recording steps at most, before those that fall together are counted once."""
        if self.steps is not None:
            return len(self.steps) + 1
        if self.points is not None:
            return self.points
        return int(np.log10(last) * self.per_decade) + 2

    def at(self, last: int) -> NDArray[np.int64]:
        """Recording steps, ascending, up to and with ``last``."""
        if self.steps is not None:
            return np.unique([n for n in self.steps if n <= last] + [last]).astype(np.int64)
        if self.points is not None:
            first = 1 if self.points > 1 else last
            return np.unique(np.rint(np.geomspace(first, last, self.points)).astype(np.int64))
        exponents = np.arange(int(np.log10(last) * self.per_decade) + 1) / self.per_decade
        steps = np.rint(10**exponents).astype(np.int64)
        return np.unique(np.append(steps[steps <= last], last))


class Experiment(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of one variant; ``experiment.deciding`` has those that decide no numbers.

    Parameters
    ----------
    agents
        N; by default one for each rank.
    trials, first_trial
        Repetitions first_trial, …, first_trial + trials − 1 are run; a part of a study can be run
        alone, as no trial knows the others.
    weight
        Importance weight of a sampled point: ``"unbiased"`` mean degree / degree, ``"literal"``
        1 / degree (paper, eq. 91), ``"none"`` 1.
    weighting
        How agents count in f where they hold unequal numbers of points n_i: ``"agents"``, f is the
        mean of their f_i; ``"points"``, f = Σ_i n_i f_i / Σ_i n_i, which is that of all points in
        one place. These have different θ*.
    method
        What an agent does with its gradients, such as ``"sgd"`` or ``"gradient_tracking"``; see
        ``methods``.
    step_size
        γ_n: ``"polynomial"`` is γ⋆ / n^a. What it leaves open is that of the run.
    activation
        When agents are there, for their steps and for their exchanges; by default always.
    dtype
        Type of the numbers of θ in memory and in messages. Sums over agents are in double precision
        and rounded once; so are local steps, except those of networks, which compute in this type.
    timing
        What the run would take elsewhere; by default no time is simulated.
    """

    title: Annotated[str, Meta(max_length=1000)] = ""
    agents: Count | None = None
    steps: Count = 20_000
    trials: Count = 64
    first_trial: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 1
    output: str = "udsgd.h5"
    weight: Weight = "unbiased"
    weighting: Literal["agents", "points"] = "agents"
    data: Data = Data()
    partition: AnyPartition = Even()
    objective: AnyObjective = Logistic()
    method: AnyMethod = SGD()
    step_size: AnyStepSize = Polynomial()
    topology: AnyGraph = Ring()
    communication: AnyPattern | Token = DSGD()
    activation: AnyActivation | None = None
    groups: Annotated[dict[str, Group], Meta(min_length=1)]
    timing: Timing | None = None
    dtype: Literal["float64", "float32"] = "float64"
    record: Record = field(default_factory=Record)

    @property
    def numbers(self) -> np.dtype[Any]:
        """Type of the numbers of θ."""
        return np.dtype(self.dtype)

    def codec(self, d: int) -> Codec:
        """How half-steps of d parameters are put into messages."""
        codec = self.communication.codec(d)
        if self.dtype == "float64":
            return codec
        if isinstance(codec, Compressed):
            return Compressed(codec.compression, d, self.numbers)
        return SINGLE_AS_IS

    @property
    def records_theta(self) -> bool:
        """Whether the network average θ_n is recorded."""
        asked = self.record.theta
        return self.objective.has_minimizer if asked is None else asked

    @property
    def records_loss(self) -> bool:
        """Whether losses at θ_n are recorded."""
        asked = self.record.loss
        return not self.objective.has_minimizer if asked is None else asked

    def __post_init__(self) -> None:
        of_run = {"last": self.steps, "interval": self.communication.interval}
        force_setattr(self, "step_size", completed(self.step_size, **of_run))
        if self.step_size(self.steps, self.steps)[0] == 0:
            raise ValueError(
                f"expected a step_size above 0 up to the last step, got 0 at step {self.steps:,};"
                " use one that falls more slowly, or for cosine a smallest above 0"
            )
        if self.data.augment is not None and (lacks := self.objective.lacks_to_vary):
            raise ValueError(f"expected beside data.augment {lacks}; leave one of them out")
        if self.dtype == "float32" and self.communication.precision == "single":
            raise ValueError(
                'expected no communication.precision = "single" beside dtype = "float32", whose'
                " messages are in single precision as they are; leave one of them out"
            )
        if isinstance(self.communication, Token):
            check_beside_token(self)
        timed = [
            f"groups.{name}.{key}"
            for name, group in self.groups.items()
            for key in ("compute", "bandwidth")
            if getattr(group, key) is not None
        ]
        if timed and self.timing is None:
            raise ValueError(
                f"expected a table [timing] beside {timed[0]}, got none; add timing = {{}}"
            )
