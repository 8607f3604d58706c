"""What is predicted is what is measured."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI
from msgspec.structs import replace

from tests.small_problem import AGENTS, STEPS, TRIALS, D, problem, write_points
from udsgd_mpi.api.load import load
from udsgd_mpi.api.predict import predicted
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.forecast import Prediction, from_the_start, predict
from udsgd_mpi.forecast.followed import FollowedTrials, SamePaths
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam, Problem
from udsgd_mpi.samplers import SRRW, Stream


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


def measured(posed: Problem) -> Recording:
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    return recording


def expected(posed: Problem, recording: Recording, **options: Any) -> Prediction:
    return predict(posed, LoneTeam(len(posed.summaries), 2), recording.step, **options)


def errors(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return squares.mean(axis=1), squares.std(axis=1, ddof=1) / np.sqrt(squares.shape[1])


@pytest.mark.parametrize("exponent", [1.0, 0.7])
@pytest.mark.parametrize("sampler", ["iid", "srw", "nbrw", "mhrw"])
def test_white_noise_by_the_linear_recursion(sampler: str, exponent: float, data: Path) -> None:
    """Within 4 standard errors and 2 %: false alarm below 6e-5 for each of 6 numbers."""
    posed = problem(data, sampler, step_size={"gamma": 1.0, "exponent": exponent})
    recording = measured(posed)
    prediction = expected(posed, recording, method="linear")
    assert set(prediction.methods) == {"linear"}
    assert not prediction.error.any()
    mean, error = errors(recording["squared_error"])
    assert (abs(prediction.mse - mean) < 4 * error + 0.02 * mean).all()
    if exponent < 1:
        mean, error = errors(recording["averaged_squared_error"])
        assert (abs(prediction.averaged_mse - mean) < 4 * error + 0.02 * mean).all()


@pytest.mark.parametrize("exponent", [1.0, 0.7])
@pytest.mark.parametrize(
    "sampler",
    [
        "single_shuffling",
        "reshuffling",
        {"kind": "srrw", "alpha": 20, "b": 0.8},
        {"kind": "hdt", "alpha": 10, "b": 0.8},
        pytest.param({"kind": "srrw", "alpha": 2, "b": 0.8}, marks=pytest.mark.slow),
        pytest.param({"kind": "srrw", "alpha": 10, "b": 0.8}, marks=pytest.mark.slow),
        pytest.param({"kind": "hdt", "alpha": 2, "b": 0.8}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_long_memories_by_paths(sampler: Any, exponent: float, data: Path) -> None:
    """Within 5 % and 4 standard errors of either side, at n = 1,000 and 2,000."""
    step_size = {"gamma": 1.0, "exponent": exponent}
    posed = problem(data, sampler, step_size=step_size, steps=2000)
    recording = measured(posed)
    prediction = expected(posed, recording, trials=TRIALS)
    assert set(prediction.methods) == {"paths"}
    mean, error = errors(recording["squared_error"])
    slack = 4 * np.hypot(error, prediction.error)
    assert (abs(prediction.mse - mean) < slack + 0.05 * mean).all()
    if exponent < 1:
        mean, error = errors(recording["averaged_squared_error"])
        slack = 4 * np.hypot(error, prediction.averaged_error)
        assert (abs(prediction.averaged_mse - mean) < slack + 0.05 * mean).all()


PATTERNS: dict[str, Any] = {
    "centralized": "centralized",
    "lsgd_pp": {"kind": "lsgd_pp", "participants": 2, "interval": 3},
    "hlsgd": {"kind": "hlsgd", "clusters": 2, "inner": 2, "outer": 5},
    "dsgd_vt": {"kind": "dsgd_vt", "interval": 2},
    "unreliable_links": {"kind": "unreliable_links", "failure": 0.3},
}


@pytest.mark.parametrize("beta", [0.0, 0.8])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_followed_trials_are_those_of_a_loop(pattern: str, beta: float, data: Path) -> None:
    """Over steps, agents and trials, with W as a matrix and mini-batches of two sizes."""
    group = {"share": 0.5, "sampler": "reshuffling"}
    posed = problem(
        data,
        "iid",
        groups={"ones": {**group, "batch": 1}, "threes": {**group, "batch": 3}},
        step_size={"gamma": 0.8, "exponent": 0.9},
        method={"kind": "momentum", "beta": beta},
        communication=PATTERNS[pattern],
        topology="ring",
    )
    trials, steps = 3, np.array([1, 7, 60])
    spectrum = np.linalg.eigh(posed.hessian)
    start = from_the_start(posed, LoneTeam(AGENTS), spectrum, steps)
    following = FollowedTrials(posed, LoneTeam(AGENTS), spectrum, steps, start)
    following.follow(2)
    found = following.follow(trials)  # one more

    star, objective, n = posed.minimizer, posed.experiment.objective, int(steps[-1])
    seed = int(generator(posed.experiment.seed, Purpose.PREDICTION, 1).integers(2**63))
    paths = []
    for i, agent in enumerate(posed.agents):
        X = np.empty((n, trials), dtype=np.int32)
        agent.sampler.start(agent.batches, None, Stream(seed, i, trials)).draw(X)
        paths.append(X)
    noise = [agent.gradient_noise(objective, star) for agent in posed.agents]
    for t in range(trials):
        theta, v = np.zeros((2, AGENTS, D))
        linear, u = -star, np.zeros(D)
        means, linears, spreads = [theta.mean(axis=0)], [linear], [0.0]
        for k in range(n):
            gamma = 0.8 / (k + 1) ** 0.9
            g, e = np.zeros((2, AGENTS, D))
            for i, agent in enumerate(posed.agents):
                rows = slice(paths[i][k, t] * agent.batch, (paths[i][k, t] + 1) * agent.batch)
                x, y = agent.points.features[rows], agent.points.labels[rows]
                residuals = 1 / (1 + np.exp(-x @ theta[i])) - y
                g[i] = residuals @ x / len(y) + theta[i]
                e[i] = noise[i][paths[i][k, t]]
            v = beta * v + g
            theta = theta - gamma * v
            if posed.schedule.aggregates(k + 1):
                theta = posed.schedule.mixing(k + 1).matrix(AGENTS) @ theta
            u = beta * u + posed.hessian @ linear + e.mean(axis=0)
            linear = linear - gamma * u
            means.append(theta.mean(axis=0))
            linears.append(linear)
            spreads.append(((theta - means[-1]) ** 2).sum() / AGENTS)
        errors, approximations = np.array(means) - star, np.array(linears)
        for row, k in enumerate(steps):
            expected = (
                (found.theta.update, (errors[k] ** 2).sum()),
                (found.theta.linear, (approximations[k] ** 2).sum()),
                (found.average.update, (errors[:k].mean(axis=0) ** 2).sum()),
                (found.average.linear, (approximations[:k].mean(axis=0) ** 2).sum()),
                (found.consensus, spreads[k]),
            )
            for values, square in expected:
                assert values[row, t] == pytest.approx(square, rel=1e-9, abs=1e-25)


@pytest.mark.parametrize(
    ("pattern", "method", "sampler", "exponent"),
    [
        ({"kind": "lsgd_pp", "participants": 2}, "sgd", "reshuffling", 1.0),
        ({"kind": "lsgd_fp", "interval": 5}, "sgd", "iid", 0.7),
        ({"kind": "drop_out", "leave": 0.3}, "sgd", "srw", 1.0),
        ({"kind": "lsgd_pp", "participants": 2}, {"kind": "momentum"}, "iid", 1.0),
    ],
    ids=str,
)
def test_disagreement_is_predicted(
    pattern: Any, method: Any, sampler: str, exponent: float, data: Path
) -> None:
    """Of agents with six points each, where the first order alone is off; as above."""
    graph = {"kind": "ring"}
    posed = problem(
        data,
        sampler,
        groups={"all": {"share": 1, "sampler": sampler, "graph": graph}},
        step_size={"gamma": 2.0 if method == "sgd" else 0.5, "exponent": exponent},
        method=method,
        communication=pattern,
        topology="ring",
        partition={"kind": "unequal", "sizes": [6] * AGENTS},
        objective={"kind": "logistic", "l2": 0.2},
        steps=298,
        record={"steps": [12, 31, 103], "polyak": True},
    )
    recording = measured(posed)
    prediction = expected(posed, recording)
    of_each = (
        ("squared_error", prediction.mse, prediction.error, 0.03),
        ("averaged_squared_error", prediction.averaged_mse, prediction.averaged_error, 0.03),
        ("consensus_error", prediction.consensus_error, prediction.consensus_error_error, 0.03),
    )
    for measure, values, stated, tolerance in of_each:
        mean, error = errors(recording[measure])
        slack = 4 * np.hypot(error, stated) + tolerance * mean
        assert (abs(values - mean) <= slack).all(), measure
        assert (stated <= 0.06 * values).all()
    first_order = prediction.mse - prediction.beyond_first_order
    assert abs(first_order / prediction.mse - 1).max() > 0.1


def test_control_variate_corrects_the_first_order() -> None:
    """Within 4 standard errors; where the two have nothing in common, it is the plain mean."""
    rng = np.random.default_rng(4)
    linear = rng.chisquare(3, size=(2, 4000))
    rest = rng.normal(0, 0.1, 4000)
    update = np.stack([0.5 + 1.1 * linear[0] + rest, rng.chisquare(2, size=4000)])
    mean, error, _ = SamePaths(update, linear).corrected(np.full(2, 3.0), np.zeros(2))
    assert (abs(mean - [3.8, 2.0]) < 4 * error).all()
    assert error[0] < 0.2 * update[0].std() / np.sqrt(4000)
    assert error[1] == pytest.approx(update[1].std() / np.sqrt(4000), rel=0.01)
    # What is hardly known of the first order does not help.
    unhelped = SamePaths(update, linear).corrected(np.full(2, 3.0), np.full(2, 10.0))
    assert unhelped.error[0] == pytest.approx(update[0].std() / np.sqrt(4000), rel=0.01)


def test_moderate_repulsion_by_the_linear_recursion(data: Path) -> None:
    posed = problem(data, {"kind": "srrw", "alpha": 2, "b": 0.8})
    recording = measured(posed)
    prediction = expected(posed, recording, method="linear")
    mean, error = errors(recording["squared_error"])
    assert (abs(prediction.mse - mean) < 4 * error + 0.05 * mean).all()


def test_strong_repulsion_is_said_to_be_beyond_the_linear_recursion(data: Path) -> None:
    posed = problem(data, {"kind": "srrw", "alpha": 20, "b": 0.8})
    prediction = predict(posed, LoneTeam(AGENTS), np.array([1000, STEPS]))
    assert prediction.disagree


def test_a_slow_walk_is_predicted_by_its_paths(data: Path) -> None:
    graph = {"kind": "clustered", "clusters": 4}
    groups = {"all": {"share": 1, "sampler": "srw", "graph": graph}}
    posed = problem(data, "srw", groups=groups, steps=400, record={"steps": [400]})
    prediction = predict(posed, LoneTeam(AGENTS), np.array([400]))
    assert set(prediction.methods) == {"paths"}


def test_a_walk_is_not_taken_for_white_noise_in_its_first_steps(data: Path) -> None:
    """It stays long at each leaf of a star; within 4 standard errors and 2 %."""
    groups = {"all": {"share": 1, "sampler": "mhrw", "graph": {"kind": "star"}}}
    posed = problem(
        data,
        "mhrw",
        groups=groups,
        partition={"kind": "unequal", "sizes": [8] * AGENTS},
        step_size={"gamma": 0.6},
        steps=3000,
        record={"steps": [100]},
    )
    recording = measured(posed)
    prediction = expected(posed, recording)
    mean, error = errors(recording["squared_error"][-2:])
    slack = 4 * np.hypot(error, prediction.error[-2:]) + 0.02 * mean
    assert (abs(prediction.mse[-2:] - mean) < slack).all()
    assert abs(prediction.linear_mse[-2] / mean[0] - 1) > 0.1


def test_agents_contributions_add_up(data: Path) -> None:
    posed = problem(data, "srw")
    prediction = predict(posed, LoneTeam(AGENTS), np.array([STEPS]))
    trace = np.trace(prediction.limiting_covariance)
    assert prediction.agent_traces.sum() == pytest.approx(trace, rel=1e-12)
    first_order = prediction.mse[-1] - prediction.beyond_first_order[-1]
    assert prediction.contributions.sum() == pytest.approx(first_order, rel=1e-3)
    assert trace == pytest.approx(STEPS * prediction.mse[-1], rel=0.01)


@pytest.mark.parametrize("agents", [2, 4, 8])
def test_linear_speed_up(agents: int, data: Path) -> None:
    """N · Tr V does not depend on N where agents are alike."""
    shared = {"agents": agents, "partition": "shared"}
    one = predict(problem(data, "iid", agents=1, partition="shared"), LoneTeam(1), np.array([9]))
    many = predict(problem(data, "iid", **shared), LoneTeam(agents), np.array([9]))
    expected_trace = np.trace(one.limiting_covariance) / agents
    assert np.trace(many.limiting_covariance) == pytest.approx(expected_trace, rel=1e-10)


def test_limit_does_not_depend_on_w_and_neither_does_what_is_measured(data: Path) -> None:
    """False alarm: 4 standard errors of a difference of means, three times."""
    patterns: dict[str, Any] = {
        "complete": {"communication": {"kind": "dsgd", "weights": "uniform"}},
        "ring": {"topology": "ring", "communication": {"kind": "dsgd", "weights": "lazy"}},
        "local": {"communication": {"kind": "lsgd_fp", "interval": 5}},
        "dfl": {"topology": "ring", "communication": {"kind": "dfl", "weights": "lazy"}},
    }
    found = {}
    for name, settings in patterns.items():
        posed = problem(data, "srw", topology=settings.pop("topology", "complete"), **settings)
        recording = measured(posed)
        prediction = expected(posed, recording, method="linear")
        found[name] = (
            np.trace(prediction.limiting_covariance),
            *errors(recording["squared_error"]),
        )
    trace, mean, error = found["complete"]
    for other_trace, other_mean, other_error in found.values():
        assert other_trace == pytest.approx(trace, rel=1e-12)
        assert (abs(other_mean - mean) < 4 * np.hypot(error, other_error)).all()


@pytest.mark.parametrize("alpha", [0.0, 1e-15, 1e-9])
def test_a_walk_that_repels_nothing_is_the_simple_walk(alpha: float) -> None:
    settings = {"agents": 2, "steps": 50, "groups.walkers.sampler": "srw"}
    simple = load(settings=settings)["all-srw"]
    walkers = replace(simple.groups["walkers"], sampler=SRRW(alpha=alpha))
    repelled = replace(simple, groups=simple.groups | {"walkers": walkers})
    found = [
        each.prediction
        for each in predicted({"simple": simple, "repelled": repelled}, "linear", None)
    ]
    np.testing.assert_allclose(found[1].mse, found[0].mse, rtol=1e-7)
    np.testing.assert_allclose(found[1].agent_traces, found[0].agent_traces, rtol=1e-7)
