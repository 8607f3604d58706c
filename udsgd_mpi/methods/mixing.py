"""What methods ask of W."""

import numpy as np

from udsgd_mpi.communication import Average, Mixing, Schedule
from udsgd_mpi.communication.intervals import LAST_STEP
from udsgd_mpi.communication.second_moment import largest
from udsgd_mpi.support.errors import ConfigurationError

_ROUNDING = 1e-9


def check_fixed(method: str, schedule: Schedule, agents: int, least: float, shown: str) -> None:
    """Refuse all but the same symmetric W at every step, with its eigenvalues above ``least``.

    Parameters
    ----------
    shown
        ``least`` in messages.

    Raises
    ------
    ConfigurationError
        Says what of that W does not fulfil.
    """
    W, *others = schedule.forms
    if others or not isinstance(W, Mixing):
        raise ConfigurationError(
            f"method {method}: expected a communication whose W is always the same, as of dsgd or"
            " centralized, got one whose W changes, for which it is not defined; use another, or"
            ' method = "gradient_tracking", which takes any W'
        )
    if schedule.count(LAST_STEP) < LAST_STEP:
        raise ConfigurationError(
            f"method {method}: expected communication.interval = 1, got steps without an"
            " aggregation, where W = I, for which it is not defined; use 1, or method ="
            ' "gradient_tracking", which takes any interval'
        )
    if agents == 1 or isinstance(W, Average):
        return
    matrix = W.sparse(agents)
    if (gap := abs(matrix - matrix.T).max()) > _ROUNDING:
        raise ConfigurationError(
            f"method {method}: expected a symmetric W, got one with w_ij and w_ji that differ by"
            f' {gap:.2g}; use communication.weights = "lazy", or method = "gradient_tracking"'
        )
    smallest = 1 - 2 * largest(lambda v: np.asarray(v - matrix @ v) / 2, agents)[0]
    if smallest < least + _ROUNDING:
        raise ConfigurationError(
            f"method {method}: expected a W with eigenvalues above {shown}, got {smallest:.4g}, by"
            ' which disagreement grows; use communication.weights = "lazy", which is (I + W)/2'
        )


def check_averages(method: str, schedule: Schedule, agents: int) -> None:
    """Refuse all W but the average of all agents.

    Raises
    ------
    ConfigurationError
        Names the patterns that are left.
    """
    if agents > 1 and not all(isinstance(W, Average) for W in schedule.forms):
        raise ConfigurationError(
            f"method {method}: expected a communication that leaves all agents with their average,"
            " as centralized, lsgd_fp and lsgd_rc do, got one after which they hold different"
            " models, none of them a server's; use one of these"
        )
