"""Unified Distributed SGD on MPI ranks: how agents' sampling shapes a distributed learner.

From Python, ``load`` makes experiments, ``run`` runs them and ``open_results`` opens what they have
written; ``infer`` makes intervals of it; ``predict``, ``plan``, ``tune`` and ``diagnose`` say what
theory expects. All else is what experiments are made of, and what can go wrong.

Examples
--------
>>> import udsgd_mpi
>>> experiments = udsgd_mpi.load("my.toml")
>>> results = udsgd_mpi.run(experiments, output="my.h5")
"""

from importlib import import_module
from typing import TYPE_CHECKING

from udsgd_mpi.support.errors import ConfigurationError as ConfigurationError
from udsgd_mpi.support.errors import JobFailed as JobFailed
from udsgd_mpi.support.errors import OutputError as OutputError
from udsgd_mpi.support.errors import Stopped as Stopped
from udsgd_mpi.support.version import __version__ as __version__

if TYPE_CHECKING:
    from udsgd_mpi.api.diagnose import diagnose as diagnose
    from udsgd_mpi.api.infer import infer as infer
    from udsgd_mpi.api.load import load as load
    from udsgd_mpi.api.open_results import open_results as open_results
    from udsgd_mpi.api.plan import plan as plan
    from udsgd_mpi.api.plan_intervals import plan_intervals as plan_intervals
    from udsgd_mpi.api.predict import predict as predict
    from udsgd_mpi.api.run import run as run
    from udsgd_mpi.api.signs_of_trouble import signs_of_trouble as signs_of_trouble
    from udsgd_mpi.api.tune import tune as tune
    from udsgd_mpi.clock import Regions as Regions
    from udsgd_mpi.communication import DFL as DFL
    from udsgd_mpi.communication import DSGD as DSGD
    from udsgd_mpi.communication import DSGDVT as DSGDVT
    from udsgd_mpi.communication import HLSGD as HLSGD
    from udsgd_mpi.communication import LSGDFP as LSGDFP
    from udsgd_mpi.communication import LSGDPP as LSGDPP
    from udsgd_mpi.communication import LSGDRC as LSGDRC
    from udsgd_mpi.communication import AsyncGossip as AsyncGossip
    from udsgd_mpi.communication import Centralized as Centralized
    from udsgd_mpi.communication import CustomPattern as CustomPattern
    from udsgd_mpi.communication import DropOut as DropOut
    from udsgd_mpi.communication import OnePeerExponential as OnePeerExponential
    from udsgd_mpi.communication import RandomMatching as RandomMatching
    from udsgd_mpi.communication import UnreliableLinks as UnreliableLinks
    from udsgd_mpi.communication.activation import Bernoulli as Bernoulli
    from udsgd_mpi.communication.activation import Diurnal as Diurnal
    from udsgd_mpi.communication.activation import Markov as Markov
    from udsgd_mpi.communication.activation import Traced as Traced
    from udsgd_mpi.communication.compression import Quantize as Quantize
    from udsgd_mpi.communication.compression import RandomK as RandomK
    from udsgd_mpi.communication.compression import TopK as TopK
    from udsgd_mpi.data.partition import ByLabel as ByLabel
    from udsgd_mpi.data.partition import CustomPartition as CustomPartition
    from udsgd_mpi.data.partition import Dirichlet as Dirichlet
    from udsgd_mpi.data.partition import Even as Even
    from udsgd_mpi.data.partition import Shared as Shared
    from udsgd_mpi.data.partition import Unequal as Unequal
    from udsgd_mpi.data.reader import CustomReader as CustomReader
    from udsgd_mpi.data.tables.reader import TableReader as TableReader
    from udsgd_mpi.experiment.schema import Data as Data
    from udsgd_mpi.experiment.schema import Experiment as Experiment
    from udsgd_mpi.experiment.schema import Group as Group
    from udsgd_mpi.experiment.schema import Record as Record
    from udsgd_mpi.experiment.schema import Timing as Timing
    from udsgd_mpi.graphs.generators import Barbell as Barbell
    from udsgd_mpi.graphs.generators import Clustered as Clustered
    from udsgd_mpi.graphs.generators import Complete as Complete
    from udsgd_mpi.graphs.generators import DirectedExponential as DirectedExponential
    from udsgd_mpi.graphs.generators import DirectedRing as DirectedRing
    from udsgd_mpi.graphs.generators import ErdosRenyi as ErdosRenyi
    from udsgd_mpi.graphs.generators import Exponential as Exponential
    from udsgd_mpi.graphs.generators import RandomRegular as RandomRegular
    from udsgd_mpi.graphs.generators import Ring as Ring
    from udsgd_mpi.graphs.generators import ScaleFree as ScaleFree
    from udsgd_mpi.graphs.generators import SmallWorld as SmallWorld
    from udsgd_mpi.graphs.generators import Star as Star
    from udsgd_mpi.graphs.generators import Torus as Torus
    from udsgd_mpi.graphs.in_files import GraphFile as GraphFile
    from udsgd_mpi.graphs.in_files import RandomNodes as RandomNodes
    from udsgd_mpi.graphs.in_files import RandomWalk as RandomWalk
    from udsgd_mpi.graphs.in_files import Snowball as Snowball
    from udsgd_mpi.methods import SGD as SGD
    from udsgd_mpi.methods import Adam as Adam
    from udsgd_mpi.methods import CustomMethod as CustomMethod
    from udsgd_mpi.methods import ExactDiffusion as ExactDiffusion
    from udsgd_mpi.methods import Extra as Extra
    from udsgd_mpi.methods import FedOpt as FedOpt
    from udsgd_mpi.methods import GradientTracking as GradientTracking
    from udsgd_mpi.methods import Momentum as Momentum
    from udsgd_mpi.methods import Nesterov as Nesterov
    from udsgd_mpi.methods import Prox as Prox
    from udsgd_mpi.methods import PushSum as PushSum
    from udsgd_mpi.methods import Scaffold as Scaffold
    from udsgd_mpi.methods.step_sizes import ByRound as ByRound
    from udsgd_mpi.methods.step_sizes import Constant as Constant
    from udsgd_mpi.methods.step_sizes import Cosine as Cosine
    from udsgd_mpi.methods.step_sizes import Step as Step
    from udsgd_mpi.objectives import Custom as Custom
    from udsgd_mpi.objectives import Logistic as Logistic
    from udsgd_mpi.objectives import Network as Network
    from udsgd_mpi.objectives import Quadratic as Quadratic
    from udsgd_mpi.objectives import Ridge as Ridge
    from udsgd_mpi.objectives import Softmax as Softmax
    from udsgd_mpi.samplers import HDT as HDT
    from udsgd_mpi.samplers import IID as IID
    from udsgd_mpi.samplers import MHRW as MHRW
    from udsgd_mpi.samplers import NBRW as NBRW
    from udsgd_mpi.samplers import SRRW as SRRW
    from udsgd_mpi.samplers import SRW as SRW
    from udsgd_mpi.samplers import Chain as Chain
    from udsgd_mpi.samplers import CustomSampler as CustomSampler
    from udsgd_mpi.samplers import InOrder as InOrder
    from udsgd_mpi.samplers import Reshuffling as Reshuffling
    from udsgd_mpi.samplers import SingleShuffling as SingleShuffling
    from udsgd_mpi.samplers import Trace as Trace
    from udsgd_mpi.theory.step_size import Polynomial as Polynomial
    from udsgd_mpi.tokens import Token as Token

# Where a name is, which is imported as it is first asked for: all together take a second.
_HOMES = {
    "api.diagnose": "diagnose",
    "api.infer": "infer",
    "api.load": "load",
    "api.open_results": "open_results",
    "api.plan": "plan",
    "api.plan_intervals": "plan_intervals",
    "api.predict": "predict",
    "api.run": "run",
    "api.signs_of_trouble": "signs_of_trouble",
    "api.tune": "tune",
    "clock": "Regions",
    "communication": (
        "DFL DSGD DSGDVT HLSGD LSGDFP LSGDPP LSGDRC AsyncGossip Centralized CustomPattern "
        "DropOut OnePeerExponential RandomMatching UnreliableLinks"
    ),
    "communication.compression": "Quantize RandomK TopK",
    "communication.activation": "Bernoulli Diurnal Markov Traced",
    "data.partition": "ByLabel CustomPartition Dirichlet Even Shared Unequal",
    "data.reader": "CustomReader",
    "data.tables.reader": "TableReader",
    "experiment.schema": "Data Experiment Group Record Timing",
    "graphs.generators": (
        "Barbell Clustered Complete DirectedExponential DirectedRing ErdosRenyi Exponential "
        "RandomRegular Ring ScaleFree SmallWorld Star Torus"
    ),
    "graphs.in_files": "GraphFile RandomNodes RandomWalk Snowball",
    "methods": (
        "SGD Adam CustomMethod ExactDiffusion Extra FedOpt GradientTracking Momentum Nesterov "
        "Prox PushSum Scaffold"
    ),
    "methods.step_sizes": "ByRound Constant Cosine Step",
    "objectives": "Custom Logistic Network Quadratic Ridge Softmax",
    "samplers": (
        "HDT IID MHRW NBRW SRRW SRW Chain CustomSampler InOrder Reshuffling SingleShuffling Trace"
    ),
    "theory.step_size": "Polynomial",
    "tokens": "Token",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [  # noqa: PLE0604
    *("ConfigurationError", "JobFailed", "OutputError", "Stopped", "__version__"),
    *_MODULES,
]

if not TYPE_CHECKING:  # type checkers are to know the names above alone

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
