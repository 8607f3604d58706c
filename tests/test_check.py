"""``udsgd check`` says of a plug-in what it keeps, and in one line what it breaks."""

import re
from pathlib import Path

import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.testing import Contract
from udsgd_mpi.testing.verdicts import Outcome, verdicts

OBJECTIVE = """
class Ridge:
    def __init__(self, l2=0.1):
        self.l2 = l2

    def value(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y) ** 2 / 2 + self.l2 / 2 * (theta**2).sum(axis=1)

    def gradient(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y)[:, None] * x + self.l2 * theta

class WrongSign(Ridge):
    def gradient(self, *arguments):
        return -super().gradient(*arguments)

class Raising(Ridge):
    def gradient(self, *arguments):
        raise RuntimeError("not today")

class Rounding(Ridge):
    def gradient(self, theta, x, y):
        return super().gradient(theta, x, y) * (1 + 1e-15 * (len(theta) > 3))

class Concave(Ridge):
    def value(self, *arguments):
        return -super().value(*arguments)

    def gradient(self, *arguments):
        return -super().gradient(*arguments)

class Nothing:
    pass
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with files of the user's own."""
    monkeypatch.chdir(tmp_path)
    Path("own_objectives.py").write_text(OBJECTIVE)


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("own", "broken"),
    [
        ("own_objectives:WrongSign", "the gradient is the slope of value: .* sign is wrong"),
        ("own_objectives:Raising", "the gradient .*own_objectives.py:18: RuntimeError: not today"),
        ("own_objectives:Rounding", "a local step has the same bits in any company: .*axis=1"),
        ("own_objectives:Concave", "the minimizer has no gradient: .* f has a maximum"),
    ],
)
def test_what_is_broken_has_one_line(
    own: str, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", own]) == 2
    said = capsys.readouterr()
    (line,) = (line for line in said.out.splitlines() if line.startswith("FAILED "))
    assert re.search(broken, line)
    assert f"{own} to keep its contract, got 1 broken property" in said.err


@pytest.mark.launcher
@pytest.mark.usefixtures("plugins")
def test_what_keeps_its_contract_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "own_objectives.py:Ridge", "--arguments", "{ l2 = 0.2 }"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "objective own_objectives.py:Ridge"
    assert len(lines) == 10
    assert all(line.startswith("passed ") for line in lines)


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["own_objectives:Nothing"], "expected a class with the methods of one family"),
        (["own_objectives:Other"], "no 'Other' in"),
        (["nowhere:Class"], "no module 'nowhere'"),
        (["own_objectives:Ridge", "--arguments", "{ l3 = 1 }"], "unexpected keyword argument 'l3'"),
        (["own_objectives:Ridge", "--arguments", "0.3"], "--arguments: expected a TOML table"),
    ],
)
def test_what_cannot_be_checked_is_named(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *words]) == 2
    said = capsys.readouterr()
    assert message in said.out + said.err


def test_it_starts_ranks_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "3")
    assert main(["check", "mine:Class"]) == 2
    assert "expected one process, got 3 ranks" in capsys.readouterr().err


def test_endless_loops_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Contract):
        def test_it_ends(self) -> None:
            while True:
                pass

    monkeypatch.setattr("udsgd_mpi.testing.verdicts._SECONDS", 0.2)
    (verdict,) = verdicts(Endless())
    assert verdict.outcome == Outcome.FAILED
    assert "look for an endless loop" in verdict.said
