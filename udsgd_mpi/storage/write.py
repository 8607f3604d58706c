"""Writing results to HDF5."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.atomic_file import replace_file
from udsgd_mpi.prediction import Prediction
from udsgd_mpi.problem import Entry, Problem
from udsgd_mpi.recording import Recording
from udsgd_mpi.step_size import StepSize

FORMAT = "udsgd_mpi results"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Result:
    """One variant: what was asked, what was measured, and what theory predicts."""

    problem: Problem
    recording: Recording
    prediction: Prediction | None = None


def write_results(
    path: Path, attributes: Mapping[str, str | int | list[str]], results: Mapping[str, Result]
) -> None:
    """Write one file with a group for each variant under ``/runs``.

    The file is built in memory and replaces an older one in one move, so that whoever reads
    ``path`` finds a whole file at any time.

    Parameters
    ----------
    attributes
        Root attributes: configuration, seed, versions, where and when.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    image = io.BytesIO()
    with h5py.File(image, "w", track_order=True) as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs.update(attributes)
        runs = file.create_group("runs", track_order=True)
        for name, result in results.items():
            _write_run(runs.create_group(name), result)
    replace_file(path, image.getvalue())


def _write_run(group: h5py.Group, result: Result) -> None:
    problem, recording = result.problem, result.recording
    _, trials, d = recording.theta_mean.shape
    group.attrs["title"] = problem.experiment.title
    group.attrs["rows_left_over"] = problem.rows_left_over
    _dimension(group, "step", recording.step, "number n of updates done")
    _step_sizes(group, problem.experiment.step_size, recording.step)
    _dimension(group, "trial", np.arange(trials), "independent repetition t")
    _dimension(group, "parameter", np.arange(d), "component of theta")
    _dimension(group, "agent", np.arange(len(problem.roster)), "agent i")
    _measures(group, recording)
    _dataset(group, "minimizer", problem.minimizer, "parameter", "theta*, the minimiser of f")
    _roster(group, problem.roster)
    if result.prediction is not None:
        _prediction(group, result.prediction)


def _measures(group: h5py.Group, recording: Recording) -> None:
    _dataset(
        group,
        "theta_mean",
        recording.theta_mean,
        "step trial parameter",
        "network average theta_n = (1/N) sum_i theta^i_n",
    )
    _dataset(
        group,
        "squared_error",
        recording.squared_error,
        "step trial",
        "|theta_n - theta*|^2; its mean over trials is the MSE",
    )
    _dataset(
        group,
        "consensus_error",
        recording.consensus_error,
        "step trial",
        "(1/N) sum_i |theta^i_n - theta_n|^2",
    )
    if recording.averaged_squared_error is not None:
        _dataset(
            group,
            "averaged_squared_error",
            recording.averaged_squared_error,
            "step trial",
            "|theta_bar_n - theta*|^2 of the Polyak-Ruppert average theta_bar_n = (1/n) sum_{s<n}"
            " theta_s",
        )
    if recording.theta is not None:
        _dataset(
            group,
            "theta",
            recording.theta,
            "step trial agent parameter",
            "iterates theta^i_n of every agent",
        )


def _step_sizes(group: h5py.Group, step_size: StepSize, step: NDArray[np.int64]) -> None:
    gamma = np.array([step_size(n, n)[0] if n > 0 else np.nan for n in step.tolist()])
    _dataset(group, "step_size", gamma, "step", "gamma_n")


def _roster(group: h5py.Group, roster: list[Entry]) -> None:
    groups = np.array([entry.group for entry in roster], dtype=object)
    samplers = np.array([entry.sampler for entry in roster], dtype=object)
    points = np.array([entry.points for entry in roster])
    batch = np.array([entry.batch for entry in roster])
    degrees = np.array([entry.mean_degree for entry in roster])
    _dataset(group, "group", groups, "agent", "group of the agent")
    _dataset(group, "sampler", samplers, "agent", "sampling strategy of the agent")
    _dataset(group, "points", points, "agent", "number of data points of the agent")
    _dataset(group, "batch", batch, "agent", "number of points in a mini-batch of the agent")
    _dataset(
        group,
        "mean_degree",
        degrees,
        "agent",
        "mean degree of the agent's data graph; NaN where it has full access",
    )


def _prediction(group: h5py.Group, prediction: Prediction) -> None:
    methods = np.array(prediction.methods, dtype=object)
    d = len(prediction.limiting_covariance)
    _dimension(group, "other_parameter", np.arange(d), "component of theta, column of V")
    for name, values, dimensions, description in (
        ("predicted_mse", prediction.mse, "step", "predicted E|theta_n - theta*|^2"),
        ("predicted_mse_error", prediction.error, "step", "standard error of predicted_mse"),
        (
            "predicted_averaged_mse",
            prediction.averaged_mse,
            "step",
            "predicted E|theta_bar_n - theta*|^2 of the Polyak-Ruppert average",
        ),
        (
            "limiting_covariance",
            prediction.limiting_covariance,
            "parameter other_parameter",
            "V, the limit of Cov(theta_n - theta*) / gamma_n; NaN where no limit theorem holds",
        ),
        (
            "agent_trace_V",
            prediction.agent_traces,
            "agent",
            "what the agent adds to Tr V: Tr V_i / N^2",
        ),
        (
            "agent_mse",
            prediction.contributions,
            "agent",
            "variance that the agent adds to predicted_mse at the last step",
        ),
        ("predicted_by", methods, "agent", "way in which the agent's noise was predicted"),
    ):
        _dataset(group, name, values, dimensions, description)


def _dimension(group: h5py.Group, name: str, values: NDArray[Any], description: str) -> None:
    _dataset(group, name, values, "", description)
    group[name].make_scale(name)


def _dataset(
    group: h5py.Group, name: str, values: NDArray[Any], dimensions: str, description: str
) -> None:
    dtype = h5py.string_dtype() if values.dtype == object else values.dtype
    dataset = group.create_dataset(name, data=values, dtype=dtype)
    dataset.attrs["description"] = description
    dataset.attrs["units"] = "1"
    for axis, dimension in enumerate(dimensions.split()):
        dataset.dims[axis].attach_scale(group[dimension])
