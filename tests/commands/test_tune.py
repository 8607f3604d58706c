"""Tuned samplers have the errors that are predicted of them, known as well as is said."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import udsgd_mpi
from tests.launch import udsgd
from tests.small_problem import AGENTS, problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.tuning import PAPER, Tuned, Tuner
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.samplers import HDT, SRRW
from udsgd_mpi.support.errors import ConfigurationError

STEPS, BUDGET = 200, 3_000_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


@pytest.fixture(scope="module")
def searched(data: Path) -> tuple[Tuner, Tuned]:
    graph = {"groups": {"all": {"share": 1, "sampler": "srrw", "graph": "star"}}}
    posed = problem(data, "srrw", steps=STEPS, record={}, **graph)
    tuner = Tuner(posed, LoneTeam(AGENTS), range(AGENTS), BUDGET)
    return tuner, tuner.search([SRRW(alpha=3.0, b=0.75)])


def test_an_error_is_that_which_is_predicted_of_the_sampler(
    data: Path, searched: tuple[Tuner, Tuned]
) -> None:
    """By as many of the same paths; two kinds, the best among them."""
    _, found = searched
    last = np.array([STEPS])
    kinds = (
        next(each for each in found.tried if type(each.sampler) is kind) for kind in (SRRW, HDT)
    )
    for each in kinds:
        fields = msgspec.to_builtins(each.sampler)
        graph = {"groups": {"all": {"share": 1, "sampler": fields, "graph": "star"}}}
        posed = problem(data, fields, steps=STEPS, record={}, **graph)
        expected = predict(posed, LoneTeam(AGENTS), last, method="paths", trials=each.paths)
        assert each.mse == pytest.approx(expected.first_order_mse[0], rel=1e-9)


def test_differences_have_the_errors_that_a_jackknife_finds(
    searched: tuple[Tuner, Tuned],
) -> None:
    tuner, found = searched
    best, other = found.tried[0].sampler, PAPER
    paths = min(tuner._paths(best), tuner._paths(other))
    assert paths <= 80  # each of them is left out once
    whole, square = tuner._values, 0.0
    for i in range(AGENTS):
        without = []
        for t in range(paths):
            rows = np.delete(np.arange(paths), t)
            # The others lose a path at random, which changes no variance to first order.
            tuner._values = {
                s: {k: v[:paths][rows] if k == i else v[: paths - 1] for k, v in whole[s].items()}
                for s in (best, other)
            }
            mses = [tuner._of(sampler, paths - 1)[0] for sampler in (best, other)]
            without.append(mses[1] - mses[0])
        square += (paths - 1) * np.var(without)
    tuner._values = whole
    said = found.tried[[each.sampler for each in found.tried].index(other)].above
    assert said.error == pytest.approx(np.sqrt(square), rel=0.25)  # of second order, 1/paths


def test_a_search_is_bounded_and_its_order_is_that_of_the_errors(
    searched: tuple[Tuner, Tuned],
) -> None:
    _, found = searched
    mses = [each.mse for each in found.tried]
    assert mses == sorted(mses)
    assert found.steps <= BUDGET
    assert found.steps == sum(each.paths for each in found.tried) * AGENTS * STEPS
    assert found.tried[0].above == (0, 0)
    assert found.tried[0].as_good
    tried = {each.sampler for each in found.tried}
    assert {PAPER, SRRW(alpha=3.0, b=0.75)} <= tried
    assert len(tried) == len(found.tried)


@pytest.mark.launcher
def test_tune_from_python_on_ranks_and_with_wrong_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    walkers = {"share": 0.5, "sampler": "srw", "graph": "ring"}
    groups = {"access": {"share": 0.5, "sampler": "iid"}, "walkers": walkers}
    settings = {"agents": 4, "steps": 60, "data.source": str(data), "groups": groups}
    loaded = udsgd_mpi.load({}, settings)
    found = udsgd_mpi.tune(loaded, group="walkers")
    assert found.agents == [2, 3]
    assert found.present == []
    assert found.of(PAPER) is not None
    wrong: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
        ({}, {}, "expected agents with srrw or hdt to tune, got none; name a group"),
        ({}, {"group": "walker"}, "unknown group 'walker': did you mean 'walkers'"),
        ({}, {"group": "access"}, "expected walkers on a data graph to tune, got agent 0 with iid"),
        ({}, {"variant": "man"}, "unknown variant 'man': did you mean 'main'"),
        ({}, {"group": "walkers", "budget": 100}, "--budget: expected .* steps at least"),
        ({"method": "adam"}, {"group": "walkers"}, "method: expected one that predictions"),
    )
    for changes, arguments, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            udsgd_mpi.tune(udsgd_mpi.load({}, settings | changes), **arguments)
    flags = ["--agents", "4", "--steps", "60", "--data", str(data), "--top", "3"]
    assert main(["tune", *flags]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "some-srrw: one sampler for agent 3, n = 60"
    assert any(line.startswith("sampler = { kind = ") for line in said)
    on_ranks = udsgd("tune", *flags, ranks=2, cwd=tmp_path)
    assert on_ranks.stdout.splitlines()[:-1] == said[:-1]
    assert main(["tune", *flags, "--only", "all-srw"]) == 2
    assert "name a group of walkers with --group" in capsys.readouterr().err


def test_agents_are_those_of_a_table(tmp_path: Path) -> None:
    rows = "".join(f"{k % 3},{k * 7 % 11},{k % 2}\n" for k in range(60))
    (tmp_path / "wards.csv").write_text(f"ward,dose,outcome\n{rows}")
    data = {"kind": "table", "path": str(tmp_path / "wards.csv"), "agent": "ward"}
    settings = {
        "steps": 100,
        "data": {**data, "label": "outcome", "standardize": True},
        "groups": {"all": {"share": 1, "sampler": "srrw", "graph": "ring"}},
    }
    assert udsgd_mpi.tune(udsgd_mpi.load(settings), budget=10**6).agents == [0, 1, 2]
