"""Messages in single precision."""

import numpy as np

from udsgd_mpi.communication.codecs.base import Codec
from udsgd_mpi.kernels.rounding import round_off


class Single(Codec):
    """q rounds to single precision; see ``kernels.rounding``."""

    quantize = round_off
    dtype = np.dtype(np.float32)
