"""What a run leaves behind: the measures of every trial at the recorded steps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.experiment.schema import Record

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """Measures of one variant.

    Attributes
    ----------
    step
        Recorded steps n, shape (steps,).
    theta_mean
        Network average θ_n = (1/N) Σ_i θ^i_n, shape (steps, trials, d).
    squared_error
        ‖θ_n − θ*‖², shape (steps, trials).
    consensus_error
        (1/N) Σ_i ‖θ^i_n − θ_n‖², shape (steps, trials).
    averaged_squared_error
        ‖θ̄_n − θ*‖² of the Polyak–Ruppert average θ̄_n = (1/n) Σ_{s<n} θ_s, shape (steps, trials),
        or None.
    theta
        Iterates of all agents, shape (steps, trials, agents, d), or None.
    """

    step: NDArray[np.int64]
    theta_mean: Floats
    squared_error: Floats
    consensus_error: Floats
    averaged_squared_error: Floats | None
    theta: Floats | None

    @property
    def measures(self) -> dict[str, Floats]:
        """The measures that are recorded, by name; their first axis is the step."""
        found = {
            "theta_mean": self.theta_mean,
            "squared_error": self.squared_error,
            "consensus_error": self.consensus_error,
            "averaged_squared_error": self.averaged_squared_error,
            "theta": self.theta,
        }
        return {name: values for name, values in found.items() if values is not None}

    def until(self, n: int) -> "Recording":
        """The measures up to step n; views."""
        rows = int(np.searchsorted(self.step, n, side="right"))
        parts = {name: values[:rows] for name, values in self.measures.items()}
        return replace(self, step=self.step[:rows], **parts)

    def fill(self, n: int, step: NDArray[np.int64], measures: Mapping[str, Floats]) -> None:
        """Take over what was recorded at some steps up to n.

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
        cls,
        step: NDArray[np.int64],
        trials: int,
        agents: int,
        d: int,
        settings: Record,
    ) -> "Recording":
        """Room for the measures at these steps; what is not recorded yet is NaN."""
        steps = len(step)
        iterates = settings.detail == "iterates"
        return cls(
            step=step,
            theta_mean=np.full((steps, trials, d), np.nan),
            squared_error=np.full((steps, trials), np.nan),
            consensus_error=np.full((steps, trials), np.nan),
            averaged_squared_error=np.full((steps, trials), np.nan) if settings.polyak else None,
            theta=np.full((steps, trials, agents, d), np.nan) if iterates else None,
        )
