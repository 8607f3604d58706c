"""Models that walk over the agents, in place of matrices W_n that mix the agents' own."""

from udsgd_mpi.tokens.hops import Hops
from udsgd_mpi.tokens.places import Places
from udsgd_mpi.tokens.token import AnyWalk, Token, Walking

__all__ = ["AnyWalk", "Hops", "Places", "Token", "Walking"]
