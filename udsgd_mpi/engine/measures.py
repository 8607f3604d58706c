"""What a run leaves behind: the measures of every trial at the recorded steps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.experiment.schema import Experiment

Floats = NDArray[np.float64]


class Measure(NamedTuple):
    """A number, or several, of every trial at every recorded step.

    Attributes
    ----------
    dimensions
        Names of its axes.
    """

    dimensions: tuple[str, ...]
    description: str


_OF_TRIAL = "step", "trial"

MEASURES = {
    "theta_mean": Measure(
        (*_OF_TRIAL, "parameter"), "network average theta_n = (1/N) sum_i theta^i_n"
    ),
    "squared_error": Measure(_OF_TRIAL, "|theta_n - theta*|^2; its mean over trials is the MSE"),
    "consensus_error": Measure(_OF_TRIAL, "(1/N) sum_i |theta^i_n - theta_n|^2"),
    "averaged_squared_error": Measure(
        _OF_TRIAL,
        "|theta_bar_n - theta*|^2 of the Polyak-Ruppert average theta_bar_n = 1/n sum theta_s",
    ),
    "theta": Measure((*_OF_TRIAL, "agent", "parameter"), "iterates theta^i_n of every agent"),
    "training_loss": Measure(
        _OF_TRIAL, "f(theta_n) = (1/N) sum_i f_i(theta_n), over record.loss_points of each agent"
    ),
    "gradient_norm": Measure(_OF_TRIAL, "norm of the gradient of f at theta_n, over these points"),
    "agent_loss": Measure((*_OF_TRIAL, "agent"), "f_i(theta_n), over these points of agent i"),
}


def measures_of(experiment: Experiment) -> list[str]:
    """Names of the measures that are recorded of a variant."""
    record, objective = experiment.record, experiment.objective
    wanted = {
        "theta_mean": experiment.records_theta,
        "squared_error": objective.has_minimizer,
        "consensus_error": True,
        "averaged_squared_error": record.polyak,
        "theta": record.detail == "iterates",
        "training_loss": experiment.records_loss,
        "gradient_norm": experiment.records_loss,
        "agent_loss": experiment.records_loss,
    }
    return [name for name in MEASURES if wanted[name]]


@dataclass(frozen=True)
class Recording:
    """Measures of one variant.

    Attributes
    ----------
    step
        Recorded steps n, shape (steps,).
    measures
        Those that are recorded, by name; ``MEASURES`` says what they are.
    """

    step: NDArray[np.int64]
    measures: dict[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.measures[name]

    def __contains__(self, name: str) -> bool:
        return name in self.measures

    def until(self, n: int) -> "Recording":
        """The measures up to step n; views."""
        rows = int(np.searchsorted(self.step, n, side="right"))
        parts = {name: values[:rows] for name, values in self.measures.items()}
        return Recording(self.step[:rows], parts)

    def fill(self, n: int, step: NDArray[np.int64], measures: Mapping[str, Floats]) -> None:
        """Copy what was recorded at some steps up to n.

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
        for name, values in self.measures.items():
            values[: len(mine)] = measures[name][rows]

    @classmethod
    def empty(
        cls, names: Iterable[str], step: NDArray[np.int64], trials: int, agents: int, d: int
    ) -> "Recording":
        """Room for measures at these steps; what is not recorded yet is NaN."""
        sizes = {"step": len(step), "trial": trials, "agent": agents, "parameter": d}
        shapes = {name: [sizes[axis] for axis in MEASURES[name].dimensions] for name in names}
        return cls(step, {name: np.full(shape, np.nan) for name, shape in shapes.items()})
