"""What is stored of a variant: what was asked, what was measured, and what theory predicts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.clock import Elapsed
from udsgd_mpi.engine.measures import Recording, measures_of
from udsgd_mpi.engine.states import states_of_run
from udsgd_mpi.forecast import Prediction, Stationary
from udsgd_mpi.problem import AgentSummary, Problem
from udsgd_mpi.storage.digests import as_attributes, as_variables
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.theory.step_size import StepSize


def run_of(
    problem: Problem,
    recording: Recording,
    prediction: Prediction | None = None,
    passed: Elapsed | None = None,
    *,
    measured: bool,
    complete: bool,
) -> Run:
    """The group of a variant.

    Parameters
    ----------
    recording
        With the measures at the recorded steps so far.
    measured
        Whether all of them are there.
    complete
        Whether the variant is finished, prediction included.
    """
    experiment = problem.experiment
    first, trials = experiment.first_trial, experiment.trials
    variables = {
        "step": _variable(recording.step, "step", "number n of updates done"),
        "step_size": _step_sizes(experiment.step_size, recording.step),
        "trial": _variable(np.arange(first, first + trials), "trial", "independent repetition t"),
        "agent": _variable(np.arange(len(problem.summaries)), "agent", "agent i"),
        **_found(problem, recording),
        **_agent_table(problem.summaries),
        **_image(problem),
        **as_variables(problem.digests),
    }
    if prediction is not None:
        variables |= _prediction(prediction)
        if experiment.record.polyak:
            variables |= _averaged_prediction(prediction)
    if passed is not None:
        variables |= _elapsed(passed)
    withheld = prediction.withheld if prediction else None
    lasting = prediction.stationary if prediction else None
    if isinstance(lasting, Stationary):
        variables |= _stationary(lasting)
    attributes = {
        "title": experiment.title,
        "rows_left_over": problem.rows_left_over,
        "measured": measured,
        "complete": complete,
        **({"prediction_withheld": withheld} if withheld else {}),
        **({"time_constant": lasting.time_constant} if isinstance(lasting, Stationary) else {}),
        **as_attributes(problem.digests),
    }
    return Run(attributes, variables)


def recording_of(problem: Problem, run: Run) -> Recording:
    """The measures of a variant that has been measured completely.

    Parameters
    ----------
    run
        The group of the variant.
    """
    experiment = problem.experiment
    tested = "test_loss" in run.variables
    states = states_of_run(experiment, problem.objective, problem.d)
    recording = Recording.empty(
        experiment, len(problem.summaries), problem.d, states, tested=tested
    )
    known = {name: run[name] for name in recording.measures if name in run.variables}
    recording.fill(experiment.steps, run["step"], known)
    return recording


def _found(problem: Problem, recording: Recording) -> dict[str, Variable]:
    """Measures and θ*, with the labels of the axes that only they have."""
    states = states_of_run(problem.experiment, problem.objective, problem.d)
    described = measures_of(problem.experiment, problem.d, states, tested=True)
    found = {
        name: Variable(values, described[name].dimensions, described[name].description)
        for name, values in recording.measures.items()
    }
    if problem.optimum is not None:
        star = problem.optimum.theta
        found["minimizer"] = _variable(star, "parameter", "theta*, the minimiser of f")
    labels = {}
    for each in list(found.values()):
        axis, length = each.dimensions[-1], each.values.shape[-1]
        if axis == "parameter" or axis.endswith("_element"):
            of = "theta" if axis == "parameter" else axis.removesuffix("_element")
            labels[axis] = _variable(np.arange(length), axis, f"component of {of}")
    return labels | found


def _step_sizes(step_size: StepSize, step: NDArray[np.int64]) -> Variable:
    gamma = np.array([step_size(n, n)[0] if n > 0 else np.nan for n in step.tolist()])
    return _variable(gamma, "step", "gamma_n")


def _agent_table(summaries: list[AgentSummary]) -> dict[str, Variable]:
    groups = np.array([entry.group for entry in summaries], dtype=object)
    samplers = np.array([entry.sampler for entry in summaries], dtype=object)
    points = np.array([entry.points for entry in summaries])
    batch = np.array([entry.batch for entry in summaries])
    degrees = np.array([entry.mean_degree for entry in summaries])
    shares = np.array([entry.share for entry in summaries])
    return {
        "group": _variable(groups, "agent", "group of the agent"),
        "sampler": _variable(samplers, "agent", "sampling strategy of the agent"),
        "points": _variable(points, "agent", "number of data points of the agent"),
        "share": _variable(shares, "agent", "factor of the agent's f_i in f; 1 on average"),
        "batch": _variable(batch, "agent", "number of points in a mini-batch of the agent"),
        "mean_degree": _variable(
            degrees, "agent", "mean degree of the agent's data graph; NaN where it has full access"
        ),
    }


def _image(problem: Problem) -> dict[str, Variable]:
    """What rows of pixels mean; nothing of other data."""
    image = problem.reading.image
    if image is None:
        return {}
    classes = np.array(image.classes, dtype=object)
    found = {"class": _variable(classes, "class", "name of the class, in order of the labels")}
    if problem.experiment.objective.reads_images:
        found |= {
            "channel": _variable(np.arange(image.shape[0]), "channel", "channel of the images"),
            "channel_mean": _variable(
                np.array(image.mean), "channel", "what is taken off a pixel, of 0 to 255"
            ),
            "channel_deviation": _variable(
                np.array(image.deviation), "channel", "what the rest is divided by"
            ),
        }
    return found


def _prediction(prediction: Prediction) -> dict[str, Variable]:
    methods = np.array(prediction.methods, dtype=object)
    d = len(prediction.limiting_covariance)
    return {
        "other_parameter": _variable(
            np.arange(d), "other_parameter", "component of theta, column of V"
        ),
        "predicted_mse": _variable(
            prediction.mse,
            "step",
            "predicted E|theta_n - theta*|^2; NaN where it is withheld, see prediction_withheld",
        ),
        "predicted_mse_error": _variable(
            prediction.error, "step", "standard error of predicted_mse"
        ),
        "predicted_consensus_error": _variable(
            prediction.consensus_error,
            "step",
            "predicted E of consensus_error; NaN where it is of rounding alone, and beyond the last"
            " step that was looked at",
        ),
        "predicted_consensus_error_error": _variable(
            prediction.consensus_error_error, "step", "standard error of predicted_consensus_error"
        ),
        "limiting_covariance": _variable(
            prediction.limiting_covariance,
            "parameter other_parameter",
            "V, the limit of Cov(theta_n - theta*) / gamma_n; NaN where no limit theorem holds",
        ),
        **_presence(prediction),
        "agent_trace_V": _variable(
            prediction.agent_traces, "agent", "what the agent adds to Tr V: Tr V_i / N^2"
        ),
        "agent_trace_V_independent": _variable(
            prediction.independent_traces,
            "agent",
            "the same if the agent drew its points independently, by the law of its sampler",
        ),
        "agent_first_step": _variable(
            prediction.first_steps,
            "agent",
            "gamma_1 w lambda over what it must not exceed, the most of the agent's points: first"
            " steps above 1 overshoot; NaN where that is not known",
        ),
        "agent_mse": _variable(
            prediction.contributions,
            "agent",
            "variance that the agent adds to predicted_mse at the last step",
        ),
        "predicted_by": _variable(methods, "agent", "way in which the agent's noise was predicted"),
    }


def _presence(prediction: Prediction) -> dict[str, Variable]:
    if prediction.presence_covariance is None:
        return {}
    return {
        "limiting_covariance_of_presence": _variable(
            prediction.presence_covariance,
            "parameter other_parameter",
            "part of V that is due to when agents are there, the same in all trials",
        )
    }


def _averaged_prediction(prediction: Prediction) -> dict[str, Variable]:
    return {
        "predicted_averaged_mse": _variable(
            prediction.averaged_mse,
            "step",
            "predicted E|theta_bar_n - theta*|^2 of the Polyak-Ruppert average",
        ),
        "predicted_averaged_mse_error": _variable(
            prediction.averaged_error, "step", "standard error of predicted_averaged_mse"
        ),
    }


def _stationary(found: Stationary) -> dict[str, Variable]:
    bias = "part of E theta_n - theta* in the long run under a constant step, by "
    parts = {
        "correlation": (found.correlation, "the memory of samplers"),
        "disagreement": (found.disagreement, "disagreement of agents that differ"),
        "curvature": (found.curvature, "curvature of f"),
    }
    return {
        "stationary_covariance": _variable(
            found.covariance, "parameter other_parameter", "Cov(theta_n) in the long run"
        ),
        **{
            f"stationary_bias_by_{name}": _variable(values, "parameter", bias + cause)
            for name, (values, cause) in parts.items()
        },
        "agent_stationary_variance": _variable(
            found.agent_variances, "agent", "what the agent adds to the trace of that covariance"
        ),
        "agent_stationary_variance_independent": _variable(
            found.independent_variances,
            "agent",
            "the same if the agent drew its points independently, by the law of its sampler",
        ),
        "agent_stationary_bias": _variable(
            found.agent_biases, "agent", "what the agent adds to the squared norm of the bias"
        ),
    }


def _elapsed(passed: Elapsed) -> dict[str, Variable]:
    sent = "bytes that the agents sent each other in one trial up to n, whatever the ranks"
    found = {"bytes_exchanged": _variable(passed.sent, "step", sent, "B")}
    if passed.seconds is not None:
        when = "virtual clock of the agent as it had theta^i_n"
        found["simulated_time"] = _variable(passed.seconds, "step agent", when, "s")
    return found


def _variable(
    values: NDArray[Any], dimensions: str, description: str, units: str = "1"
) -> Variable:
    return Variable(values, tuple(dimensions.split()), description, units)
