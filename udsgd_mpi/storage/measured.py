"""Measures of variants, as reports take them from a result file."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.measures import MEASURES
from udsgd_mpi.storage.read import open_result_file, require_known_layout
from udsgd_mpi.support.agent_lists import in_words
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    import h5py

Floats = NDArray[np.float64]

_FORGOTTEN = 5  # time constants: less than a hundredth of θ_0 is left
_FEWEST_TRIALS = 10  # for an interval


class Settled(NamedTuple):
    """Network averages under a constant step, at recorded steps at which θ_0 is forgotten.

    Attributes
    ----------
    step
        The first of these steps, five time constants 1/(γ μ) or more.
    errors
        Mean over these steps, less θ*, shape (trials, d).
    bias
        Predicted expectation of that, shape (d,).
    variance
        Mean of the variance over trials at these steps, and the predicted one.
    """

    step: int
    errors: Floats
    bias: Floats
    variance: tuple[float, float]


@dataclass(frozen=True)
class Measured:
    """The measures of one variant.

    Attributes
    ----------
    step
        Shape (steps,).
    complete
        Whether the last step has been taken.
    diverged
        Number of trials that are left out below, as an iterate was not finite.
    trials
        Number of each other trial, shape (trials,).
    measures
        Measures of which each trial has one number at each step, by name; shape (steps, trials).
    groups, samplers
        Group and sampler of each agent.
    predicted_mse, predicted_mse_error, predicted_consensus_error, predicted_consensus_error_error
        Shape (steps,); None where nothing was predicted.
    step_size
        γ_n, shape (steps,).
    last_theta
        Network averages at the last step, shape (trials, d); None where they were not recorded.
    limiting_covariance
        V, shape (d, d); None where nothing was predicted.
    presence_covariance
        The part of V that is due to when agents are there, and the same in all trials, shape
        (d, d); None where there is none.
    agent_traces
        What each agent adds to Tr V, shape (agents,); None where nothing was predicted.
    simulated_time
        Seconds on the virtual clock at which each agent had θ^i_n, shape (steps, agents); None
        where no time was simulated, or the variant is not complete.
    bytes_exchanged
        Bytes that the agents sent each other in one trial, shape (steps,); None where the variant
        is not complete.
    withheld
        Why some of ``predicted_mse`` are NaN; None where none are.
    points
        Number of points of each agent, shape (agents,).
    shares
        Factor of each agent's f_i in f, shape (agents,); None in files of older versions.
    settled
        What became of a constant step; None where no stationary law is predicted, no recorded step
        is late enough, or trials are few.
    independent_traces
        ``agent_traces`` if agents drew independently; None in files of older versions, too.
    first_steps
        By how much each agent's first steps overshoot: above 1 they do, shape (agents,); None
        likewise.
    stationary_variances, independent_variances
        What each agent adds to the variance in the long run under a constant step, and the same if
        it drew independently, shape (agents,); None where that is not known.
    time_constant
        Steps in which a constant step forgets by e; infinite where that is not known.
    """

    title: str
    complete: bool
    diverged: int
    trials: NDArray[np.int64]
    step: NDArray[np.int64]
    measures: dict[str, Floats]
    groups: list[str]
    samplers: list[str]
    predicted_mse: Floats | None
    predicted_mse_error: Floats | None
    predicted_consensus_error: Floats | None
    step_size: Floats
    last_theta: Floats | None
    limiting_covariance: Floats | None
    agent_traces: Floats | None
    simulated_time: Floats | None
    bytes_exchanged: NDArray[np.int64] | None
    predicted_consensus_error_error: Floats | None = None
    withheld: str | None = None
    points: NDArray[np.int64] | None = None
    shares: Floats | None = None
    settled: Settled | None = None
    independent_traces: Floats | None = None
    first_steps: Floats | None = None
    stationary_variances: Floats | None = None
    independent_variances: Floats | None = None
    time_constant: float = np.inf
    presence_covariance: Floats | None = None

    def measure(self, name: str) -> Floats:
        """One of the measures.

        Raises
        ------
        ConfigurationError
            If it was not recorded.
        """
        if name not in self.measures:
            raise ConfigurationError(
                f"measure {name}: expected one that was recorded, one of"
                f" {', '.join(self.measures)}; set record.loss, or use another objective or data"
            )
        return self.measures[name]

    @property
    def composition(self) -> str:
        """How many agents have which sampler, and how they count where their points differ."""
        counts = Counter(self.samplers)
        found = " + ".join(f"{count} {sampler}" for sampler, count in counts.items())
        if self.points is None or self.points.min() == self.points.max():
            return found
        by_points = self.shares is not None and (self.shares != self.shares[0]).any()
        counted = "by their points" if by_points else "alike"
        return f"{found}, of {self.points.min()} to {self.points.max()} points, counted {counted}"

    @property
    def covariance_over_trials(self) -> Floats | None:
        """The limit of the covariance over trials, over γ_n; None where nothing was predicted."""
        V, of_presence = self.limiting_covariance, self.presence_covariance
        return V if V is None or of_presence is None else V - of_presence

    @property
    def limit(self) -> float | None:
        """Tr V, or None where no limit is known."""
        V = self.limiting_covariance
        return None if V is None or np.isnan(V).any() else float(np.trace(V))


def read_measures(path: Path) -> dict[str, Measured]:
    """Measures of all variants of a result file, in the order in which they ran.

    Raises
    ------
    ConfigurationError
        If the file can't be read, or no variant has ended yet.
    """
    with open_result_file(path) as file:
        require_known_layout(path, file)
        if len(file["runs"]) == 0:
            raise ConfigurationError(f"results {path}: no variant has ended yet; try again later")
        return {
            name: _measured(f"results {path}: {name}", run) for name, run in file["runs"].items()
        }


def _all_diverged(what: str, trials: int, first_steps: Floats | None) -> str:
    """Why there is nothing to show, with the agents whose first steps overshoot."""
    said = f"{what}: expected a trial that did not diverge, got none of {trials:,}"
    over = [] if first_steps is None else np.flatnonzero(first_steps > 1).tolist()
    if first_steps is None or not over:
        return f"{said}; use a smaller step_size.gamma, or a step_size.offset"
    return (
        f"{said}; first steps of {in_words(over)} overshoot, by up to"
        f" {np.nanmax(first_steps):.2g} times: divide step_size.gamma by that, or use a"
        " step_size.offset"
    )


def _measured(what: str, run: "h5py.Group") -> Measured:
    has_minimizer = "minimizer" in run or "training_loss" not in run
    always = "squared_error" if has_minimizer else "training_loss"
    measures = {
        name: run[name][:]
        for name, each in MEASURES.items()
        if (name in run or name == always) and each.dimensions == ("step", "trial")
    }
    finite = np.all([np.isfinite(values).all(axis=0) for values in measures.values()], axis=0)
    if len(run["step"]) == 0:
        raise ConfigurationError(f"{what}: expected recorded steps, got none; try again later")
    if not finite.any():
        raise ConfigurationError(
            _all_diverged(what, len(finite), _optional(run, "agent_first_step"))
        )
    return Measured(
        title=run.attrs["title"],
        complete=bool(run.attrs.get("complete", True)),
        diverged=int(np.sum(~finite)),
        trials=run["trial"][:][finite],
        step=run["step"][:],
        measures={name: values[:, finite] for name, values in measures.items()},
        groups=run["group"].asstr()[:].tolist(),
        samplers=run["sampler"].asstr()[:].tolist(),
        predicted_mse=_optional(run, "predicted_mse"),
        predicted_mse_error=_optional(run, "predicted_mse_error"),
        predicted_consensus_error=_optional(run, "predicted_consensus_error"),
        predicted_consensus_error_error=_optional(run, "predicted_consensus_error_error"),
        step_size=run["step_size"][:],
        last_theta=run["theta_mean"][-1][finite] if "theta_mean" in run else None,
        limiting_covariance=_optional(run, "limiting_covariance"),
        agent_traces=_optional(run, "agent_trace_V"),
        simulated_time=_optional(run, "simulated_time"),
        bytes_exchanged=_optional(run, "bytes_exchanged"),
        withheld=run.attrs.get("prediction_withheld"),
        points=_optional(run, "points"),
        shares=_optional(run, "share"),
        settled=_settled(run, finite),
        independent_traces=_optional(run, "agent_trace_V_independent"),
        first_steps=_optional(run, "agent_first_step"),
        stationary_variances=_optional(run, "agent_stationary_variance"),
        independent_variances=_optional(run, "agent_stationary_variance_independent"),
        time_constant=float(run.attrs.get("time_constant", np.inf)),
        presence_covariance=_optional(run, "limiting_covariance_of_presence"),
    )


def _settled(run: "h5py.Group", finite: NDArray[np.bool_]) -> Settled | None:
    step = run["step"][:]
    late = np.flatnonzero(step >= _FORGOTTEN * run.attrs.get("time_constant", np.inf))
    if len(late) == 0 or "theta_mean" not in run or finite.sum() < _FEWEST_TRIALS:
        return None
    errors = run["theta_mean"][late[0] :][:, finite] - run["minimizer"][:]
    parts = [run[name][:] for name in run if name.startswith("stationary_bias_by_")]
    variance = float(errors.var(axis=1, ddof=1).sum(axis=-1).mean())
    predicted = float(np.trace(run["stationary_covariance"][:]))
    bias = np.sum(parts, axis=0)
    return Settled(int(step[late[0]]), errors.mean(axis=0), bias, (variance, predicted))


def _optional(run: "h5py.Group", name: str) -> NDArray[Any] | None:
    return run[name][:] if name in run else None
