"""What a run leaves behind: the measures of every trial at the recorded steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.host_memory import DOUBLE
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.methods import State
from udsgd_mpi.tokens import Token


class Measure(NamedTuple):
    """A number, or several, of every trial at every recorded step.

    Attributes
    ----------
    dimensions
        Names of its axes.
    """

    dimensions: tuple[str, ...]
    description: str
    dtype: np.dtype[Any] = DOUBLE


_OF_TRIAL = "step", "trial"

MEASURES = {
    "theta_mean": Measure(
        (*_OF_TRIAL, "parameter"), "network average theta_n = (1/N) sum_i theta^i_n"
    ),
    "averaged_theta_mean": Measure(
        (*_OF_TRIAL, "parameter"),
        "network average of the Polyak-Ruppert averages 1/n sum_{s<n} theta^i_s",
    ),
    "squared_error": Measure(_OF_TRIAL, "|theta_n - theta*|^2; its mean over trials is the MSE"),
    "consensus_error": Measure(_OF_TRIAL, "(1/N) sum_i |theta^i_n - theta_n|^2"),
    "averaged_squared_error": Measure(
        _OF_TRIAL,
        "|theta_bar_n - theta*|^2 of the Polyak-Ruppert average theta_bar_n = 1/n sum theta_s",
    ),
    "theta": Measure((*_OF_TRIAL, "agent", "parameter"), "iterates theta^i_n of every agent"),
    "training_loss": Measure(
        _OF_TRIAL,
        "f(theta_n) = (1/N) sum_i f_i(theta_n), over record.loss_points of each agent; with"
        " lsgd_pp, theta_n is here and below the average of those that take part in the round",
    ),
    "gradient_norm": Measure(_OF_TRIAL, "norm of the gradient of f at theta_n, over these points"),
    "test_loss": Measure(_OF_TRIAL, "mean of F(theta_n, x) over the test part of the data"),
    "test_accuracy": Measure(
        _OF_TRIAL, "fraction of the test part whose class theta_n finds likeliest"
    ),
    "agent_loss": Measure((*_OF_TRIAL, "agent"), "f_i(theta_n), over these points of agent i"),
}

# What the first of them are where models walk over the agents.
_OF_WALKS = {
    "theta_mean": "average theta_n = (1/K) sum_k theta^k_n of the K models that walk",
    "consensus_error": "(1/K) sum_k |theta^k_n - theta_n|^2 over the K models that walk",
}


# Those that say how good a run is, the first that was recorded; and how people call them.
HEADLINES = {
    "squared_error": "MSE",
    "training_loss": "training loss",
    "consensus_error": "consensus error",
}


def measures_of(
    experiment: Experiment, d: int, states: Sequence[State], *, tested: bool
) -> dict[str, Measure]:
    """The measures that are recorded of a variant, by name.

    Parameters
    ----------
    states
        What agents carry beside θ.
    tested
        Whether its data have a test part.
    """
    tested = tested and experiment.records_loss
    record, objective = experiment.record, experiment.objective
    wanted = {
        "theta_mean": experiment.records_theta,
        "averaged_theta_mean": record.polyak and experiment.records_theta,
        "squared_error": objective.has_minimizer,
        "consensus_error": True,
        "averaged_squared_error": record.polyak,
        "theta": record.detail == "iterates",
        "training_loss": experiment.records_loss,
        "gradient_norm": experiment.records_loss,
        "test_loss": tested,
        "test_accuracy": tested and objective.classifies,
        "agent_loss": experiment.records_loss,
    }
    found = {name: each for name, each in MEASURES.items() if wanted[name]}
    if record.detail == "iterates":
        for state in states:
            axes = (*_OF_TRIAL, "agent", _elements(state, d))
            found[state.name] = Measure(axes, state.description, state.dtype)
    if isinstance(experiment.communication, Token):
        for name in found.keys() & _OF_WALKS.keys():
            found[name] = found[name]._replace(description=_OF_WALKS[name])
    return found


def lengths_of(
    experiment: Experiment, agents: int, d: int, states: Sequence[State]
) -> dict[str, int]:
    """Lengths of the axes of a variant's measures, by name."""
    return {
        "step": len(experiment.record.at(experiment.steps)),
        "trial": experiment.trials,
        "agent": agents,
        "parameter": d,
        **{_elements(state, d): state.elements for state in states},
    }


def _elements(state: State, d: int) -> str:
    """The last axis of a state: that of θ where it is as long."""
    return "parameter" if state.elements == d else f"{state.name}_element"


@dataclass(frozen=True)
class Recording:
    """Measures of one variant.

    Attributes
    ----------
    step
        Recorded steps n, shape (steps,).
    measures
        Those that are recorded, by name; ``measures_of`` says what they are.
    """

    step: NDArray[np.int64]
    measures: dict[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.measures[name]

    def __contains__(self, name: str) -> bool:
        return name in self.measures

    def until(self, n: int) -> "Recording":
        """The measures up to step n; views."""
        rows = int(np.searchsorted(self.step, n, side="right"))
        parts = {name: values[:rows] for name, values in self.measures.items()}
        return Recording(self.step[:rows], parts)

    @property
    def headline(self) -> str:
        """How good the run was at the last step, such as ``"MSE 1.2e-03"``; empty without one.

        Trials that diverged are left out, and counted.
        """
        if len(self.step) == 0:
            return ""
        name = next(name for name in HEADLINES if name in self.measures)
        last = self.measures[name][-1]
        left = last[np.isfinite(last)]
        if len(left) == 0:
            return "all trials diverged"
        told = f"{HEADLINES[name]} {left.mean():.2e}"
        return told if len(left) == len(last) else f"{told} in {len(left)} of {len(last)} trials"

    def fill(self, n: int, step: NDArray[np.int64], measures: Mapping[str, NDArray[Any]]) -> None:
        """Copy what was recorded at some steps up to n.

        What an older version did not record stays NaN.

        Raises
        ------
        ValueError
            If one of the steps up to n is not among them.
        """
        mine = self.step[self.step <= n]
        missing = np.setdiff1d(mine, step)
        if len(missing):
            message = f"step {missing[0]:,} was not recorded"
            raise ValueError(message)
        rows = np.searchsorted(step, mine)
        for name in self.measures.keys() & measures.keys():
            self.measures[name][: len(mine)] = measures[name][rows]

    @classmethod
    def empty(
        cls,
        experiment: Experiment,
        agents: int,
        d: int,
        states: Sequence[State] = (),
        *,
        tested: bool = False,
    ) -> "Recording":
        """Room for the measures of a variant; what is not recorded yet is NaN.

        Parameters
        ----------
        states
            What agents carry beside θ.
        tested
            Whether its data have a test part.
        """
        lengths = lengths_of(experiment, agents, d, states)
        measures = {
            name: np.full([lengths[axis] for axis in each.dimensions], np.nan, each.dtype)
            for name, each in measures_of(experiment, d, states, tested=tested).items()
        }
        return cls(experiment.record.at(experiment.steps), measures)
