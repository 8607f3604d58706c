"""How half-steps are put into messages.

To add one, write its file and name it here.
"""

from typing import Literal

from udsgd_mpi.communication.codecs.base import Codec
from udsgd_mpi.communication.codecs.exact import Exact
from udsgd_mpi.communication.codecs.single import Single

Precision = Literal["double", "single"]
EXACT = Exact()
CODECS: dict[Precision, Codec] = {"double": EXACT, "single": Single()}

__all__ = ["CODECS", "EXACT", "Codec", "Precision"]
