"""What is predicted is what is measured."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.check import check
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.prediction import AgentForecast, KnownPredictions, Part, Prediction, combine, predict
from udsgd_mpi.prediction.allocation import allocation
from udsgd_mpi.prediction.curvature import SamePaths, curvature
from udsgd_mpi.problem import Agent, OneProcess, Problem, pose
from udsgd_mpi.recording import Recording
from udsgd_mpi.samplers import IID, NBRW, SRRW, Sampler, Stream
from udsgd_mpi.theory.paths import Functional, over_trials
from udsgd_mpi.upgrades import Planner

AGENTS, POINTS, D, TRIALS, STEPS = 4, 40, 5, 2000, 4000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 random points in a LIBSVM file."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(AGENTS * POINTS, D))
    y = np.where(rng.random(len(x)) < 1 / (1 + np.exp(-x @ rng.normal(size=D))), 1, -1)
    path = tmp_path_factory.mktemp("data") / "small.svm"
    path.write_text(
        "".join(
            f"{label} " + " ".join(f"{k + 1}:{v!r}" for k, v in enumerate(row.tolist())) + "\n"
            for label, row in zip(y.tolist(), x, strict=True)
        )
    )
    return path


def problem(data: Path, sampler: Any, **settings: Any) -> Problem:
    experiment = check(
        {
            "agents": AGENTS,
            "steps": STEPS,
            "trials": TRIALS,
            "data": {"source": str(data)},
            "communication": "centralized",
            "groups": {
                "all": {
                    "share": 1,
                    "sampler": sampler,
                    "graph": {"kind": "erdos_renyi", "mean_degree": 5},
                }
            },
            "record": {"steps": [1000, 2000], "polyak": True},
            **settings,
        }
    )
    return pose(experiment, OneProcess(experiment.agents or AGENTS))


def measured(posed: Problem) -> Recording:
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    return recording


def expected(posed: Problem, recording: Recording, **options: Any) -> Prediction:
    return predict(posed, OneProcess(len(posed.roster), 2), recording.step, **options)


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
    mean, error = errors(recording.squared_error)
    assert (abs(prediction.mse - mean) < 4 * error + 0.02 * mean).all()
    assert recording.averaged_squared_error is not None
    if exponent < 1:
        mean, error = errors(recording.averaged_squared_error)
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
    mean, error = errors(recording.squared_error)
    slack = 4 * np.hypot(error, prediction.error)
    assert (abs(prediction.mse - mean) < slack + 0.05 * mean).all()
    assert recording.averaged_squared_error is not None
    if exponent < 1:
        mean, error = errors(recording.averaged_squared_error)
        slack = 4 * np.hypot(error, prediction.averaged_error)
        assert (abs(prediction.averaged_mse - mean) < slack + 0.05 * mean).all()


def test_curvature_is_the_update_less_its_linear_approximation(data: Path) -> None:
    """Agents at one θ, by a loop over steps and trials, with mini-batches of two sizes."""
    group = {"share": 0.5, "sampler": "reshuffling"}
    groups = {"ones": {**group, "batch": 1}, "threes": {**group, "batch": 3}}
    posed = problem(data, "iid", groups=groups, step_size={"gamma": 0.8, "exponent": 0.9})
    seed, trials, steps = 5, 3, np.array([1, 7, 60])
    everyone, spectrum = OneProcess(AGENTS), np.linalg.eigh(posed.hessian)
    found = curvature(posed, everyone, spectrum, steps, seed, trials)
    assert found is not None

    star, objective, n = posed.minimizer, posed.experiment.objective, int(steps[-1])
    paths = []
    for i, agent in enumerate(posed.agents):
        X = np.empty((n, trials), dtype=np.int32)
        agent.sampler.start(agent.batches, None, Stream(seed, i, trials)).draw(X)
        paths.append(X)
    noise = [agent.gradient_noise(objective, star) for agent in posed.agents]
    for t in range(trials):
        theta, linear = [np.zeros(D)], [-star]
        for k in range(n):
            gamma = 0.8 / (k + 1) ** 0.9
            g, e = np.zeros(D), np.zeros(D)
            for agent, X, xi in zip(posed.agents, paths, noise, strict=True):
                first = X[k, t] * agent.batch
                rows = slice(first, first + agent.batch)
                x, y = agent.points.features[rows], agent.points.labels[rows]
                residuals = 1 / (1 + np.exp(-x @ theta[-1])) - y
                g += (residuals @ x / len(y) + theta[-1]) / AGENTS
                e += xi[X[k, t]] / AGENTS
            theta.append(theta[-1] - gamma * g)
            linear.append(linear[-1] - gamma * (posed.hessian @ linear[-1] + e))
        theta, linear = np.array(theta) - star, np.array(linear)
        for row, k in enumerate(steps):
            of_theta = (theta[k] ** 2).sum(), (linear[k] ** 2).sum()
            means = theta[:k].mean(axis=0), linear[:k].mean(axis=0)
            of_average = (means[0] ** 2).sum(), (means[1] ** 2).sum()
            for pair, squares in zip(found, (of_theta, of_average), strict=True):
                got = pair.update[row, t], pair.linear[row, t]
                np.testing.assert_allclose(got, squares, rtol=1e-9)


def test_control_variate_corrects_the_first_order() -> None:
    """Within 4 standard errors; where the two have nothing in common, it is the plain mean."""
    rng = np.random.default_rng(4)
    linear = rng.chisquare(3, size=(2, 4000))
    update = np.stack([0.5 + 1.1 * linear[0], rng.chisquare(2, size=4000)])
    mean, error = SamePaths(update, linear).correct(np.full(2, 3.0), np.zeros(2))
    assert (abs(mean - [3.8, 2.0]) < 4 * error).all()
    assert error[0] < 0.2 * update[0].std() / np.sqrt(4000)
    assert error[1] == pytest.approx(update[1].std() / np.sqrt(4000), rel=0.01)


def test_moderate_repulsion_by_the_linear_recursion(data: Path) -> None:
    posed = problem(data, {"kind": "srrw", "alpha": 2, "b": 0.8})
    recording = measured(posed)
    prediction = expected(posed, recording, method="linear")
    mean, error = errors(recording.squared_error)
    assert (abs(prediction.mse - mean) < 4 * error + 0.05 * mean).all()


def test_strong_repulsion_is_said_to_be_beyond_the_linear_recursion(data: Path) -> None:
    posed = problem(data, {"kind": "srrw", "alpha": 20, "b": 0.8})
    prediction = predict(posed, OneProcess(AGENTS), np.array([1000, STEPS]))
    assert prediction.disagree


def test_a_slow_walk_is_predicted_by_its_paths(data: Path) -> None:
    graph = {"kind": "clustered", "clusters": 4}
    groups = {"all": {"share": 1, "sampler": "srw", "graph": graph}}
    posed = problem(data, "srw", groups=groups, steps=400, record={"steps": [400]})
    prediction = predict(posed, OneProcess(AGENTS), np.array([400]))
    assert set(prediction.methods) == {"paths"}


def test_agents_contributions_add_up(data: Path) -> None:
    posed = problem(data, "srw")
    prediction = predict(posed, OneProcess(AGENTS), np.array([STEPS]))
    trace = np.trace(prediction.limiting_covariance)
    assert prediction.agent_traces.sum() == pytest.approx(trace, rel=1e-12)
    assert prediction.contributions.sum() == pytest.approx(prediction.mse[-1], rel=1e-3)
    assert trace == pytest.approx(STEPS * prediction.mse[-1], rel=0.01)


@pytest.mark.parametrize("agents", [2, 4, 8])
def test_linear_speed_up(agents: int, data: Path) -> None:
    """N · Tr V does not depend on N where agents are alike."""
    shared = {"agents": agents, "partition": "shared"}
    one = predict(problem(data, "iid", agents=1, partition="shared"), OneProcess(1), np.array([9]))
    many = predict(problem(data, "iid", **shared), OneProcess(agents), np.array([9]))
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
        found[name] = (np.trace(prediction.limiting_covariance), *errors(recording.squared_error))
    trace, mean, error = found["complete"]
    for other_trace, other_mean, other_error in found.values():
        assert other_trace == pytest.approx(trace, rel=1e-12)
        assert (abs(other_mean - mean) < 4 * np.hypot(error, other_error)).all()


def test_the_plan_takes_the_fewest_upgrades(data: Path) -> None:
    planner = Planner(problem(data, "srw"), {"srw": SRRW(alpha=5.0)}, method="linear")
    best = planner.candidates
    for k in range(AGENTS + 1):
        # Brute force over all sets of k agents.
        traces = [planner.trace(list(some)) for some in combinations(range(AGENTS), k)]
        assert planner.trace(best[:k]) == pytest.approx(min(traces), rel=1e-12)
    moderate = planner.replacing(dict.fromkeys(best, NBRW()))
    alone = predict(problem(data, "nbrw"), OneProcess(AGENTS), np.array([STEPS]))
    goal = planner.trace(best, moderate)
    assert goal == pytest.approx(np.trace(alone.limiting_covariance), rel=1e-10)
    assert planner.mse(best, moderate) == pytest.approx(alone.mse[-1], rel=1e-10)


def test_the_slowest_agent_sets_the_pace_of_a_plan(data: Path) -> None:
    step_size = {"gamma": 2.0, "exponent": 0.7}
    planner = Planner(problem(data, "srw", step_size=step_size), {"srw": SRRW(alpha=5.0)})
    assert planner.mse_at_equal_time([]) == planner.mse([])
    slower = planner.seconds([2]) / planner.seconds([])
    assert slower > 1
    assert planner.mse_at_equal_time([2]) == pytest.approx(planner.mse([2]) * slower**0.7)


def test_several_samplers_are_upgraded_at_once(data: Path) -> None:
    graph = {"kind": "erdos_renyi", "mean_degree": 5}
    half = {"share": 0.5, "graph": graph}
    before = {"a": {**half, "sampler": "srw"}, "b": {**half, "sampler": "mhrw"}}
    after = {"a": {**half, "sampler": "nbrw"}, "b": {**half, "sampler": "iid"}}
    upgrades: dict[str, Sampler] = {"srw": NBRW(), "mhrw": IID()}
    planner = Planner(problem(data, "srw", groups=before), upgrades, method="linear")
    then = predict(problem(data, "srw", groups=after), OneProcess(AGENTS), np.array([STEPS]))
    assert sorted(planner.candidates) == list(range(AGENTS))
    trace = np.trace(then.limiting_covariance)
    assert planner.trace(planner.candidates) == pytest.approx(trace, rel=1e-10)
    assert planner.mse(planner.candidates) == pytest.approx(then.mse[-1], rel=1e-10)


def test_predict_and_plan_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["--agents", "4", "--steps", "300", "--paths", "20"]
    assert main(["predict", *small]) == 0
    said = capsys.readouterr().out
    for part in ("all-srw", "n · MSE", "limit: Tr V", "walkers (srw", "Tr Vᵢ / N²"):
        assert part in said
    assert main(["plan", *small]) == 0
    said = capsys.readouterr().out
    assert "upgrade srw to srrw(alpha = 20, b = 0.8), 2 candidates" in said
    assert "all 2 with nbrw" in said
    both = "iid:single_shuffling,srw:{kind='srrw', alpha=3}"
    assert main(["plan", *small, "--budget", "1", "--upgrade", both]) == 0
    said = capsys.readouterr().out
    assert "upgrade iid to single_shuffling, srw to srrw(alpha = 3, b = 0.8), 4 candi" in said
    assert "1 upgrades: Tr V" in said
    assert main(["plan", *small, "--match", "some-srrw"]) == 0
    assert "Tr V of some-srrw" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    for wrong, message in (
        (["--upgrade", "mhrw:srrw"], "expected a sampler that some agent has"),
        (["--upgrade", "srw:srww"], "did you mean 'srw'"),
        (["--paths", "1"], "expected a number from 2 on, got '1'"),
        (["--upgrade", "srw:nbrw,"], "expected FROM:TO"),
        (["--match", "none"], "unknown variant 'none'"),
        (["--set", "step_size.gamma=0.3"], "more than 1/(2μ)"),
    ):
        assert main(["plan", *small, *wrong]) == 2
        assert message in capsys.readouterr().err
    assert main(["predict"]) == 2
    assert "use --agents N" in capsys.readouterr().err


@pytest.mark.parametrize("bias", [0.0, 0.3, 3.0])
def test_standard_errors_are_those_of_repeated_predictions(bias: float) -> None:
    """Three agents' functionals of 40 paths, normal; 2,000 times; false alarms once in 10,000."""
    rng = np.random.default_rng(6)
    means = np.array([[bias, 0, -bias], [bias, bias / 2, 0], [0, bias, 0]])
    scales = np.array([0.5, 1.0, 2.0])
    found = []
    for _ in range(2000):
        agents = [over_trials(mean + scales * rng.normal(size=(40, 3))) for mean in means]
        fields = zip(*agents, strict=True)
        mean = Functional(*(np.array([np.mean(field, axis=0)]) for field in fields))
        mse, error = combine(mean, np.zeros((1, 3)), 3)
        found.append((mse.item(), error.item()))
    mse, error = np.array(found).T
    expected = (means.mean(axis=0) ** 2).sum() + (scales**2).sum() / 3
    if bias == 0:  # a square that comes out below 0 counts as 0
        assert mse.mean() == pytest.approx(expected, rel=0.02)
    else:
        assert abs(mse.mean() - expected) < 4 * mse.std() / np.sqrt(2000)
        assert np.sqrt((error**2).mean()) == pytest.approx(mse.std(), rel=0.1)


def test_paths_are_allocated_to_the_agents_that_need_them() -> None:
    """Against the least number of paths over a fine grid of how two agents may share them."""
    spread = np.array([3.0, 1.0])
    paths = np.array([100, 100])
    errors = spread / np.sqrt(paths)
    found = allocation(paths, errors, 0.1)
    assert (spread**2 / found).sum() == pytest.approx(0.1**2, rel=1e-3)
    first = np.arange(901, 20_000)
    second = 1 / (0.1**2 - 9 / first)
    assert found.sum() == pytest.approx((first + second).min(), rel=1e-3)


def test_paths_that_suffice_are_kept_and_their_number_is_bounded() -> None:
    paths = np.array([40, 160, 160])
    errors = np.array([0.1, 1.0, 0.001])
    assert allocation(paths, errors, 1.1).tolist() == paths.tolist()
    found = allocation(paths, errors, 0.5)
    assert found[2] == 160
    assert 4 * 160 <= found[1] < 16 * 160
    assert allocation(paths, errors, 1e-6).tolist() == [16 * 40, 16 * 160, 16 * 160]
    exact = allocation(np.array([0, 160]), np.array([0.0, 1.0]), 0.5)
    assert exact[0] == 0


def test_a_prediction_takes_more_paths_until_it_is_certain(data: Path) -> None:
    """One walk among four is slow, and what it contributes varies most."""
    slow = {"kind": "clustered", "clusters": 4}
    quick = {"kind": "erdos_renyi", "mean_degree": 20}
    groups = {
        "slow": {"agents": "0", "sampler": "srw", "graph": slow},
        "quick": {"agents": "1-3", "sampler": "srw", "graph": quick},
    }
    settings = {"groups": groups, "steps": 300, "record": {"steps": [300]}, "seed": 3}
    posed = problem(data, "srw", **settings)
    certain = predict(posed, OneProcess(AGENTS), np.array([300]), method="paths")
    before = predict(posed, OneProcess(AGENTS), np.array([300]), method="paths", trials=100)
    assert certain.error[-1] < 0.045 * certain.mse[-1]
    assert abs(certain.mse - before.mse)[-1] < 4 * np.hypot(certain.error, before.error)[-1]


def test_agents_that_problems_have_in_common_are_forecast_once(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, forecast = [], AgentForecast.__call__

    def noted(self: AgentForecast, agent: Agent, i: int, *rest: Any) -> Part:
        made.append(i)
        return forecast(self, agent, i, *rest)

    monkeypatch.setattr(AgentForecast, "__call__", noted)
    graph = {"kind": "erdos_renyi", "mean_degree": 5}
    settings = {"steps": 300, "record": {"steps": [300]}}
    known, steps = KnownPredictions(), np.array([300])

    def walkers(**samplers: str) -> Problem:
        groups = {
            agents: {"agents": agents.strip("_"), "sampler": sampler, "graph": graph}
            for agents, sampler in samplers.items()
        }
        return problem(data, "srw", groups=groups, **settings)

    problems = [
        walkers(_0="srw", _1="srw", _2="nbrw", _3="srrw"),
        walkers(_0="srw", _1="srrw", _2="nbrw", _3="srw"),
    ]
    first = known(problems[0], OneProcess(AGENTS), steps)
    assert sorted(set(made)) == [0, 1, 2, 3]
    made.clear()
    second = known(problems[1], OneProcess(AGENTS), steps)
    assert sorted(set(made)) == [1, 3]
    anew = predict(problems[1], OneProcess(AGENTS), steps)
    np.testing.assert_array_equal(second.mse, anew.mse)
    np.testing.assert_array_equal(second.limiting_covariance, anew.limiting_covariance)
    assert first.mse != second.mse


def test_a_prediction_is_made_once_whatever_w_and_names_are(data: Path) -> None:
    known, steps = KnownPredictions(), np.array([300])
    everyone = OneProcess(AGENTS)
    settings = {"steps": 300, "record": {"steps": [300]}}
    first = known(problem(data, "srw", **settings), everyone, steps)
    half = {"share": 0.5, "sampler": "srw", "graph": {"kind": "erdos_renyi", "mean_degree": 5}}
    renamed = problem(data, "srw", topology="star", groups={"one": half, "other": half}, **settings)
    assert known(renamed, everyone, steps) is first
    changes: list[dict[str, Any]] = [
        {"seed": 2},
        {"weight": "none"},
        {"step_size": {"gamma": 2.0}},
        {"objective": {"kind": "logistic", "l2": 0.5}},
        {"partition": "shared"},
        {"groups": {"all": {**half, "share": 1, "batch": 2}}},
    ]
    for change in changes:
        other = problem(data, "srw", **(settings | change))
        assert known(other, everyone, steps).mse != first.mse
    longer = known(problem(data, "srw", **settings), everyone, np.array([200, 300]))
    assert longer.mse.shape == (2,)
