"""Compressions of messages.

To add one, write its file and name it in ``AnyCompression``.
"""

from udsgd_mpi.communication.compression.base import Compression
from udsgd_mpi.communication.compression.quantize import Quantize
from udsgd_mpi.communication.compression.random_k import RandomK
from udsgd_mpi.communication.compression.top_k import TopK

AnyCompression = TopK | RandomK | Quantize

__all__ = ["AnyCompression", "Compression", "Quantize", "RandomK", "TopK"]
