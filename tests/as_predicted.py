"""Trials of a problem against what is predicted of them."""

import numpy as np
from mpi4py import MPI

from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.predict import Prediction
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam, Problem


def check_against_trials(posed: Problem) -> Prediction:
    """Hold the errors that were recorded within 4 standard errors: a false alarm of 6e-5 each."""
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    found = predict(posed, LoneTeam(len(posed.agents)), recording.step)
    expected = {
        "squared_error": (found.mse, found.error),
        "consensus_error": (found.consensus_error, found.consensus_error_error),
    }
    if posed.experiment.record.polyak:
        expected["averaged_squared_error"] = (found.averaged_mse, found.averaged_error)
    for measure, (of_theory, its_error) in expected.items():
        measured = recording[measure]
        error = measured.std(axis=1, ddof=1) / np.sqrt(measured.shape[1])
        far = abs(measured.mean(axis=1) - of_theory)
        assert (far < 4 * np.hypot(error, its_error)).all(), measure
    return found
