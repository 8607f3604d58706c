"""Sampling strategies: which of its points an agent uses next.

To add one, write its file and name it in ``AnySampler``.
"""

from udsgd_mpi.samplers.base import SamplePath, SamplePaths, Sampler, Stream, Streams
from udsgd_mpi.samplers.chain import Chain
from udsgd_mpi.samplers.custom import CustomSampler
from udsgd_mpi.samplers.hdt import HDT
from udsgd_mpi.samplers.iid import IID
from udsgd_mpi.samplers.mhrw import MHRW
from udsgd_mpi.samplers.nbrw import NBRW
from udsgd_mpi.samplers.pausing import PausingPaths
from udsgd_mpi.samplers.several import PathsOfSeveral
from udsgd_mpi.samplers.shuffling import Reshuffling, SingleShuffling
from udsgd_mpi.samplers.srrw import SRRW
from udsgd_mpi.samplers.srw import SRW
from udsgd_mpi.samplers.stream import InOrder
from udsgd_mpi.samplers.trace import Trace

AnySampler = (
    IID
    | SingleShuffling
    | Reshuffling
    | SRW
    | NBRW
    | SRRW
    | MHRW
    | HDT
    | Chain
    | Trace
    | InOrder
    | CustomSampler
)

__all__ = [
    "HDT",
    "IID",
    "MHRW",
    "NBRW",
    "SRRW",
    "SRW",
    "AnySampler",
    "Chain",
    "CustomSampler",
    "InOrder",
    "PathsOfSeveral",
    "PausingPaths",
    "Reshuffling",
    "SamplePath",
    "SamplePaths",
    "Sampler",
    "SingleShuffling",
    "Stream",
    "Streams",
    "Trace",
]
