"""When agents are there: the settings ``activation``.

To add a kind, write its file and name it in ``AnyActivation``.
"""

from udsgd_mpi.communication.activation.base import Activation, Presence
from udsgd_mpi.communication.activation.bernoulli import Bernoulli
from udsgd_mpi.communication.activation.diurnal import Diurnal
from udsgd_mpi.communication.activation.markov import Markov
from udsgd_mpi.communication.activation.traced import Traced

AnyActivation = Bernoulli | Markov | Diurnal | Traced

__all__ = ["Activation", "AnyActivation", "Bernoulli", "Diurnal", "Markov", "Presence", "Traced"]
