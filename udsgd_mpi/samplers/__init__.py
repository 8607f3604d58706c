"""Sampling strategies: which of its points an agent uses next.

To add one, write its file and name it in ``AnySampler``.
"""

from udsgd_mpi.samplers.base import Path, Sampler, Stream
from udsgd_mpi.samplers.iid import IID
from udsgd_mpi.samplers.nbrw import NBRW
from udsgd_mpi.samplers.srrw import SRRW
from udsgd_mpi.samplers.srw import SRW

AnySampler = IID | SRW | NBRW | SRRW

__all__ = ["IID", "NBRW", "SRRW", "SRW", "AnySampler", "Path", "Sampler", "Stream"]
