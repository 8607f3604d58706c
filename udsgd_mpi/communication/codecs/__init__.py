"""How half-steps are put into messages.

To add one, write its file and name it here.
"""

from typing import Literal

import numpy as np

from udsgd_mpi.communication.codecs.base import Codec
from udsgd_mpi.communication.codecs.exact import Exact
from udsgd_mpi.communication.codecs.single import Single

Precision = Literal["double", "single"]
EXACT = Exact()
SINGLE_AS_IS = Exact(np.float32)  # of numbers that are in single precision themselves
CODECS: dict[Precision, Codec] = {"double": EXACT, "single": Single()}

__all__ = ["CODECS", "EXACT", "SINGLE_AS_IS", "Codec", "Precision"]
