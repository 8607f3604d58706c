"""``--help`` names every subcommand in a group, with an example that can be typed."""

import re
import shlex
from pathlib import Path

import pytest

from udsgd_mpi.cli.arguments import parse, parsers
from udsgd_mpi.cli.main import main

PARSER, COMMANDS = parsers()
GROUPS = ["run", "understand", "plan", "cluster", "shell"]
CLI = Path(__file__).parents[2] / "udsgd_mpi/cli"


def test_every_subcommand_stands_in_one_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out.partition("\noptions:")[0]
    assert re.findall(r"^(\w+):$", text, re.MULTILINE) == GROUPS
    listed = re.findall(r"^  ([\w-]+)  +\S", text, re.MULTILINE)
    assert listed == [*COMMANDS.choices]
    assert len({*listed}) == len(listed)
    assert max(map(len, text.splitlines())) <= 100


def test_every_subcommand_has_a_module() -> None:
    assert all((CLI / f"{name}.py").is_file() for name in COMMANDS.choices)


@pytest.mark.parametrize("name", COMMANDS.choices)
def test_help_ends_with_an_example_that_is_understood(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    *_, last = capsys.readouterr().out.strip().splitlines()
    example = re.fullmatch(rf"example: (?:mpirun -n \d+ )?udsgd ({name}\b[^>]*)(?:> \S+)?", last)
    assert example, last
    assert parse(shlex.split(example[1])).command == name
