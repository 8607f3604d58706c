"""Communication patterns: the matrices W_n with which agents combine their half-steps.

To add one, write its file and name it in ``AnyPattern``.
"""

from udsgd_mpi.communication.activated import Activated
from udsgd_mpi.communication.activation import Activation, AnyActivation
from udsgd_mpi.communication.async_gossip import AsyncGossip
from udsgd_mpi.communication.base import Pattern, Schedule
from udsgd_mpi.communication.centralized import LSGDFP, LSGDRC, Centralized
from udsgd_mpi.communication.consensus import contraction
from udsgd_mpi.communication.custom import CustomPattern
from udsgd_mpi.communication.dsgd import DFL, DSGD
from udsgd_mpi.communication.forms.average import Average
from udsgd_mpi.communication.forms.base import Form, Mixing, Traffic
from udsgd_mpi.communication.forms.links import OnLinks
from udsgd_mpi.communication.forms.own import OwnMatrices
from udsgd_mpi.communication.forms.partial_average import PartialAverage, Rounds
from udsgd_mpi.communication.forms.present import PresentAverage, PresentWeights
from udsgd_mpi.communication.forms.stale import StaleWeights
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.hlsgd import HLSGD
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.communication.lsgd_pp import LSGDPP
from udsgd_mpi.communication.matching import RandomMatching
from udsgd_mpi.communication.message_times import Latency, MessageTimes
from udsgd_mpi.communication.random_links import DropOut, UnreliableLinks
from udsgd_mpi.communication.time_varying import DSGDVT, OnePeerExponential
from udsgd_mpi.communication.weights import metropolis

AnyPattern = (
    Centralized
    | DSGD
    | DSGDVT
    | LSGDFP
    | LSGDPP
    | LSGDRC
    | HLSGD
    | DFL
    | OnePeerExponential
    | RandomMatching
    | UnreliableLinks
    | DropOut
    | AsyncGossip
    | CustomPattern
)

__all__ = [
    "DFL",
    "DSGD",
    "DSGDVT",
    "HLSGD",
    "LSGDFP",
    "LSGDPP",
    "LSGDRC",
    "Activated",
    "Activation",
    "AnyActivation",
    "AnyPattern",
    "AsyncGossip",
    "Average",
    "Centralized",
    "CustomPattern",
    "DropOut",
    "Form",
    "Latency",
    "Layout",
    "MessageTimes",
    "Mixing",
    "OnLinks",
    "OnePeerExponential",
    "OwnMatrices",
    "PartialAverage",
    "Pattern",
    "PresentAverage",
    "PresentWeights",
    "RandomMatching",
    "Rounds",
    "Schedule",
    "StaleWeights",
    "Traffic",
    "UnreliableLinks",
    "Weights",
    "contraction",
    "metropolis",
]
