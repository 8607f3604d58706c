"""What a run leaves behind: the measures of every trial at the recorded steps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    @classmethod
    def empty(
        cls,
        step: NDArray[np.int64],
        trials: int,
        agents: int,
        d: int,
        *,
        polyak: bool,
        iterates: bool,
    ) -> "Recording":
        """Room for the measures at these steps; what is not recorded yet is NaN."""
        steps = len(step)
        return cls(
            step=step,
            theta_mean=np.full((steps, trials, d), np.nan),
            squared_error=np.full((steps, trials), np.nan),
            consensus_error=np.full((steps, trials), np.nan),
            averaged_squared_error=np.full((steps, trials), np.nan) if polyak else None,
            theta=np.full((steps, trials, agents, d), np.nan) if iterates else None,
        )
