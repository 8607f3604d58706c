"""Results that claims can be about."""

import numpy as np

from udsgd_mpi.storage.measured import Measured

STEP = np.array([100, 200, 400])


def measured(errors: np.ndarray, predicted: float | None = None, **changes: object) -> Measured:
    """A variant with errors of shape (trials,) times 1/n, or as they are of (steps, trials)."""
    errors = errors / STEP[:, None] if errors.ndim == 1 else errors
    known = {} if predicted is None else {"predicted_mse": predicted / STEP}
    settings = {
        "title": "",
        "complete": True,
        "diverged": 0,
        "trials": np.arange(errors.shape[1]),
        "step": STEP,
        "measures": {"squared_error": errors, "consensus_error": errors},
        "groups": ["all"],
        "samplers": ["iid"],
        "predicted_mse": None,
        "predicted_mse_error": None if predicted is None else np.zeros(3),
        "predicted_consensus_error": None,
        "step_size": 1 / STEP,
        "last_theta": np.zeros((errors.shape[1], 1)),
        "limiting_covariance": None,
        "agent_traces": None,
        "simulated_time": None,
        "bytes_exchanged": None,
    }
    return Measured(**(settings | known | changes))


def errors(
    rng: np.random.Generator, mean: float = 1.0, trials: int = 60, components: int = 6
) -> np.ndarray:
    """Squared norms of Gaussian vectors."""
    return mean * rng.chisquare(components, trials) / components


def prediction(rng: np.random.Generator, error: float) -> dict[str, object]:
    """One that is right but for a standard error."""
    return {
        "predicted": float(1 + error * rng.standard_normal()),
        "predicted_mse_error": error / STEP,
    }
