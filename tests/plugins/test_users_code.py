"""What a user's own code raises, and where it ends the program, is the user's to mend."""

import os
from pathlib import Path

import pytest

from tests.launch import python, udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.support.errors import ConfigurationError, LocalError
from udsgd_mpi.support.plugin import made
from udsgd_mpi.support.users_code import UsersObject, users

OBJECTIVE = """
import os, sys
{at_import}
class Ridge:
    def __init__(self):
        self.calls = 0
        {in_init}

    def value(self, theta, x, y):
        {in_value}
        return ((theta * x).sum(axis=1) - y) ** 2 / 2 + (theta**2).sum(axis=1)

    def gradient(self, theta, x, y):
        self.calls += len(theta) == 3  # trials
        if self.calls > 40 and {here}:
            {in_gradient}
        return ((theta * x).sum(axis=1) - y)[:, None] * x + 2 * theta
"""
PLACES = {"at_import": 3, "in_init": 7, "in_value": 10, "in_gradient": 16}
ENDS = {
    "raise KeyError('mine')": "KeyError: 'mine'",
    "sys.exit(0)": "it ends the program (exit code 0)",
    "quit()": "it ends the program (exit code None)",
    "os._exit(0)": "it ends the program (exit code 0)",
    "return 1 +": "SyntaxError: invalid syntax",
    "[0] * 10**18": "MemoryError",
}
FLAGS = ("--agents", 2, "--steps", 60, "--trials", 3, "--data", "breast_cancer")
OWN = ("--only", "all-srw", "--set", 'objective={kind="custom", path="NAME:Ridge"}')


def flags(name: str) -> list[str]:
    return [str(word).replace("NAME", name) for word in (*FLAGS, *OWN)]


def write(path: Path, here: str = "True", **code: str) -> None:
    path.write_text(OBJECTIVE.format(here=here, **dict.fromkeys(PLACES, "pass") | code))


@pytest.mark.parametrize(
    ("place", "end"),
    [(place, "sys.exit(0)") for place in list(PLACES)[:3]] + [("in_gradient", end) for end in ENDS],
)
def test_the_file_and_the_line_are_named(
    place: str,
    end: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"mine_{place}_{list(ENDS).index(end)}"
    write(tmp_path / f"{name}.py", **{place: end})
    assert main(flags(name)) == 2
    said = capsys.readouterr().err
    (line,) = (line for line in said.splitlines() if line.startswith("udsgd: error: "))
    assert f"objective {name}.py:Ridge: {tmp_path / name}.py:{PLACES[place]}: {ENDS[end]}" in line
    assert "udsgd_mpi/" not in said


def test_a_class_that_is_made_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine_arguments.py")
    arguments = [*flags("mine_arguments"), "--set", "objective.arguments.l3=1"]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "mine_arguments.py:5: TypeError: " in said
    assert "unexpected keyword argument 'l3'" in said


@pytest.mark.launcher
@pytest.mark.parametrize(("rank", "end"), [(0, "os._exit(0)"), (1, "raise KeyError('mine')")])
def test_one_rank_ends_all(rank: int, end: str, tmp_path: Path) -> None:
    here = f"__import__('mpi4py.MPI').MPI.COMM_WORLD.rank == {rank}"
    write(tmp_path / "mine.py", here, in_gradient=end)
    done = udsgd(*flags("mine"), ranks=2, cwd=tmp_path, timeout=60)
    assert done.returncode == 2, done.stderr
    assert f"udsgd: error: on rank {rank}: objective mine.py:Ridge: " in done.stderr
    assert f"mine.py:16: {ENDS[end]}" in done.stderr


ENDLESS = """
import time

class Mine:
    def draw(self):
        while True:
            time.sleep(0.01)
"""
WATCHED = """
from udsgd_mpi.parallel.watchdog import watch_process
from udsgd_mpi.support.plugin import made

watch_process(0, "here", 2.0, alone=True)
made("sampler", "endless.py:Mine", ("draw()",), {}).draw()
"""


def test_a_loop_that_does_not_end_is_ended_by_the_watchdog(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    done = python("-c", WATCHED, cwd=tmp_path, timeout=60)
    assert done.returncode == 2, done.stderr
    line, *rest = done.stderr.splitlines()
    file = tmp_path / "endless.py"
    assert (
        line == f"udsgd: error: on rank 0: sampler endless.py:Mine: {file}:7: still running"
        " after 1.6 s"
    )
    assert rest[0].endswith(f'{file}", line 7, in draw')
    assert "raise --stall-timeout" in rest[-1]


def test_processes_that_a_user_starts_may_end() -> None:
    def fork() -> int:
        child = os.fork()
        if child == 0:
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert users("mine", fork) == 7


def test_what_a_library_raises_is_told_where_it_was_called() -> None:
    def load() -> object:
        return __import__("json").loads("{")

    with pytest.raises(LocalError, match=rf"^mine: {__file__}:\d+: json.*JSONDecodeError: ") as got:
        users("mine", load)
    assert 'json.loads("{")' not in str(got.value).splitlines()[0]


@pytest.mark.parametrize("module", ["math", "json"])
def test_a_module_that_lacks_the_class_is_named(module: str) -> None:
    """Also one that is built in, and of no file."""
    with pytest.raises(ConfigurationError, match=rf"no 'Ridge' in <module '{module}'"):
        made("objective", f"{module}:Ridge", ["value(theta, x, y)"], {})


def test_a_class_that_lacks_a_method_is_named() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"sampler\.path: expected a class with the method draw\(steps, uniforms\), got"
        r" 'fractions:Fraction' without draw",
    ):
        made("sampler", "fractions:Fraction", ["draw(steps, uniforms)"], {"numerator": 1})


def test_attributes_are_those_of_the_moment_and_a_property_may_raise() -> None:
    class Own:
        at = 1

        @property
        def broken(self) -> int:
            return {}["at"]

        def move(self) -> None:
            self.at += 1

    own = UsersObject("mine", Own())
    own.move()
    own.move()
    assert own.at == 3
    assert getattr(own, "other", 7) == 7
    with pytest.raises(LocalError, match=r"^mine: .*KeyError: 'at'"):
        _ = own.broken
