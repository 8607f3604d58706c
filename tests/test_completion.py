"""Shells complete subcommands, flags, names and files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from udsgd_mpi.cli.main import main

COMPLETE = """
. ./udsgd.bash
COMP_WORDS=(udsgd "$@") COMP_CWORD=$#
_shtab_udsgd
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """A folder with the script of every shell."""
    monkeypatch.chdir(tmp_path)
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        (tmp_path / f"udsgd.{shell}").write_text(capsys.readouterr().out)
    return tmp_path


def test_bash_completes(scripts: Path) -> None:
    (scripts / "mine.toml").touch()
    expected = {
        ("pl",): "plan",
        ("run", "--dry"): "--dry-run",
        ("run", "--on-divergence", "ma"): "mask",
        ("run", "mi"): "mine.toml",
        ("new", "own"): "own-data",
        ("reproduce", "sp"): "speedup",
    }
    for words, completed in expected.items():
        done = _shell("bash", "-c", COMPLETE, "bash", *words, cwd=scripts)
        assert done.stdout.split() == [completed], (words, done.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_those_of_their_shells(shell: str, scripts: Path) -> None:
    text = (scripts / f"udsgd.{shell}").read_text()
    assert all(word in text for word in ("reproduce", "speedup", "checkpoint-every"))
    if shutil.which(shell):
        assert _shell(shell, "-n", f"udsgd.{shell}", cwd=scripts).returncode == 0


def test_other_shells_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "csh"]) == 2
    assert "choose from" in capsys.readouterr().err


def _shell(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=30, check=False)
