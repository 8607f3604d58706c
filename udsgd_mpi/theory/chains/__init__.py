"""Markov chains on data graphs."""

from udsgd_mpi.theory.chains.base import Chain, asymptotic_covariance, noise_of_walk
from udsgd_mpi.theory.chains.independent import IndependentDraws
from udsgd_mpi.theory.chains.markov import MarkovChain
from udsgd_mpi.theory.chains.non_backtracking import NonBacktrackingChain
from udsgd_mpi.theory.chains.reversible import ReversibleChain

__all__ = [
    "Chain",
    "IndependentDraws",
    "MarkovChain",
    "NonBacktrackingChain",
    "ReversibleChain",
    "asymptotic_covariance",
    "noise_of_walk",
]
