"""Plans of upgrades, against all sets of agents and against predictions of what they lead to."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.small_problem import AGENTS, POINTS, STEPS, problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.upgrades import Planner
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.samplers import IID, NBRW, SRRW, Chain, CustomSampler, Sampler, Trace
from udsgd_mpi.support.errors import ConfigurationError


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


def test_the_plan_takes_the_fewest_upgrades(data: Path) -> None:
    planner = Planner(problem(data, "srw"), {"srw": SRRW(alpha=5.0)}, method="linear")
    best = planner.candidates
    for k in range(AGENTS + 1):
        # Brute force over all sets of k agents.
        traces = [planner.trace(list(some)) for some in combinations(range(AGENTS), k)]
        assert planner.trace(best[:k]) == pytest.approx(min(traces), rel=1e-12)
    moderate = planner.replacing(dict.fromkeys(best, NBRW()))
    last = np.array([STEPS])
    alone = predict(problem(data, "nbrw"), LoneTeam(AGENTS), last, method="linear")
    goal = planner.trace(best, moderate)
    assert goal == pytest.approx(np.trace(alone.limiting_covariance), rel=1e-10)
    assert planner.mse(best, moderate) == pytest.approx(alone.mse[-1], rel=1e-10)


@pytest.mark.parametrize("offset", [0.0, 3000.0])
def test_the_slowest_agent_sets_the_pace_of_a_plan(offset: float, data: Path) -> None:
    step_size = {"gamma": 2.0, "exponent": 0.7, "offset": offset}
    planner = Planner(problem(data, "srw", step_size=step_size), {"srw": SRRW(alpha=5.0)})
    assert planner.mse_at_equal_time([]) == planner.mse([])
    slower = planner.seconds([2]) / planner.seconds([])
    assert slower > 1
    larger = (STEPS + offset) / (STEPS / slower + offset)
    assert planner.mse_at_equal_time([2]) == pytest.approx(planner.mse([2]) * larger**0.7)


def test_several_samplers_are_upgraded_at_once(data: Path) -> None:
    graph = {"kind": "erdos_renyi", "mean_degree": 5}
    half = {"share": 0.5, "graph": graph}
    before = {"a": {**half, "sampler": "srw"}, "b": {**half, "sampler": "mhrw"}}
    after = {"a": {**half, "sampler": "nbrw"}, "b": {**half, "sampler": "iid"}}
    upgrades: dict[str, Sampler] = {"srw": NBRW(), "mhrw": IID()}
    planner = Planner(problem(data, "srw", groups=before), upgrades, method="linear")
    last = np.array([STEPS])
    upgraded = problem(data, "srw", groups=after)
    then = predict(upgraded, LoneTeam(AGENTS), last, method="linear")
    assert sorted(planner.candidates) == list(range(AGENTS))
    trace = np.trace(then.limiting_covariance)
    assert planner.trace(planner.candidates) == pytest.approx(trace, rel=1e-10)
    assert planner.mse(planner.candidates) == pytest.approx(then.mse[-1], rel=1e-10)


def test_an_upgrade_may_be_a_chain_or_a_class(tmp_path: Path, data: Path) -> None:
    """The chain of independent draws, and the lazy walk that never stays, which is SRW."""
    iid = np.full((POINTS, POINTS), 1 / POINTS)
    np.save(tmp_path / "P.npy", iid)
    walk = problem(data, "srw")
    lazy = CustomSampler(path="tests.own_sampler:LazyWalk", arguments={"stay": 0.0})
    chain, alone, same = (
        Planner(walk, {"srw": sampler}, method="linear")
        for sampler in (Chain(path=str(tmp_path / "P.npy")), IID(), lazy)
    )
    every = list(range(AGENTS))
    assert chain.trace(every) == pytest.approx(alone.trace(every), rel=1e-9)
    assert same.trace(every) == pytest.approx(walk_trace := same.trace([]), rel=1e-9)
    assert walk_trace > alone.trace(every)
    assert not chain.cautions
    jumps = Planner(walk, {"srw": CustomSampler(path="tests.own_sampler:LevyJumps")}, trials=20)
    assert any("brings no theory" in said for said in jumps.cautions)
    (tmp_path / "visits.txt").write_text("0\n1\n")
    with pytest.raises(ConfigurationError, match=r"trace: .*changes the objective of agent 0"):
        Planner(walk, {"srw": Trace(path=str(tmp_path / "visits.txt"))})
    np.save(tmp_path / "P.npy", iid[:9, :9] * POINTS / 9)
    with pytest.raises(ConfigurationError, match="a row for each of the"):
        Planner(walk, {"srw": Chain(path=str(tmp_path / "P.npy"))})


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
