"""The first table of the README is what its first command prints."""

import re
from pathlib import Path

import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.read import read_experiment, variants

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
TABLE = re.search(r"```\n(variant  .*?)```", README, re.DOTALL)
AGENTS = 4


@pytest.fixture
def rows() -> list[str]:
    assert TABLE
    return TABLE[1].splitlines()


def test_the_table_is_of_the_default_experiment(rows: list[str]) -> None:
    expected = []
    for name, experiment in variants(read_experiment(None), {}).items():
        samplers = [experiment.groups[k].sampler.name for k in assign(experiment.groups, AGENTS)]
        counts = {sampler: samplers.count(sampler) for sampler in dict.fromkeys(samplers)}
        agents = " + ".join(f"{count} {sampler}" for sampler, count in counts.items())
        expected.append((name, str(experiment.steps), str(experiment.trials), agents))
    found = [re.split(r"\s{2,}", row) for row in rows[1:]]
    assert [(row[0], row[1], row[2], row[-1]) for row in found] == expected
    for row in found:  # n · MSE is what it says
        assert float(row[1]) * float(row[3]) == pytest.approx(float(row[5]), rel=1e-3)


@pytest.mark.slow
def test_the_table_is_what_is_printed(
    rows: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--agents", str(AGENTS)]) == 0  # the same bits as on four ranks
    printed = capsys.readouterr().out.splitlines()
    assert printed[: len(rows)] == rows
