"""How far each agent was at some recorded steps, where a result file holds that."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.storage.read import open_result_file

if TYPE_CHECKING:
    import h5py

Floats = NDArray[np.float64]

_MOST_NUMBERS = 2**23  # of θ at a step


class AgentErrors(NamedTuple):
    """Errors of the agents, on average over trials that did not diverge.

    Attributes
    ----------
    symbol
        What they are.
    step
        The n, shape (steps,).
    values
        Shape (steps, agents).
    """

    symbol: str
    step: NDArray[np.int64]
    values: Floats


def read_agent_errors(path: Path, steps: int = 4) -> dict[str, AgentErrors]:
    """Those of the variants that recorded iterates, or losses, of agents.

    ‖θ^i_n − θ*‖², or f_i(θ_n) where there are no iterates or no θ*.

    Parameters
    ----------
    steps
        At how many of the recorded steps at most, evenly spread, the last among them.

    Raises
    ------
    ConfigurationError
        If the file can't be read.
    """
    with open_result_file(path) as file:
        found = {name: _of_variant(run, steps) for name, run in file["runs"].items()}
    return {name: each for name, each in found.items() if each is not None}


def _of_variant(run: "h5py.Group", steps: int) -> AgentErrors | None:
    recorded = run["step"][:]
    begun = np.flatnonzero(recorded > 0)
    if len(begun) == 0:
        return None
    rows = np.unique(begun[np.linspace(0, len(begun) - 1, steps).astype(int)])
    if "theta" in run and "minimizer" in run:
        star = run["minimizer"][:]
        _, trials, agents, d = run["theta"].shape
        some = max(1, min(trials, _MOST_NUMBERS // (agents * d)))
        values = [
            _over_trials(((run["theta"][row, :some] - star) ** 2).sum(axis=-1))
            for row in rows.tolist()
        ]
        return AgentErrors("‖θⁱₙ − θ*‖²", recorded[rows], np.array(values))
    if "agent_loss" in run:
        values = [_over_trials(run["agent_loss"][row]) for row in rows.tolist()]
        return AgentErrors("fᵢ(θₙ)", recorded[rows], np.array(values))
    return None


def _over_trials(values: Floats) -> Floats:
    """Mean over the finite trials of ``values`` (trials, agents), shape (agents,)."""
    finite = np.isfinite(values).all(axis=1)
    return (
        np.asarray(values[finite].mean(axis=0))
        if finite.any()
        else np.full(values.shape[1], np.nan)
    )
