"""Shells complete subcommands, flags, names and files."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from udsgd_mpi.cli.main import main

COMPLETE = """
. ./udsgd.bash
COMP_WORDS=(udsgd "$@") COMP_CWORD=$#
_shtab_udsgd
printf '%s\\n' "${COMPREPLY[@]}"
"""

COMPLETED = {
    ("pl",): "plan",
    ("run", "--dry"): "--dry-run",
    ("run", "--on-divergence", "ma"): "mask",
    ("run", "mi"): "mine.toml",
    ("new", "own"): "own-data",
    ("reproduce", "sp"): "speedup",
}


@pytest.fixture
def scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """A folder with the script of every shell, and an experiment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").touch()
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        (tmp_path / f"udsgd.{shell}").write_text(capsys.readouterr().out)
    return tmp_path


def test_bash_completes(scripts: Path) -> None:
    for words, completed in COMPLETED.items():
        done = _shell("bash", "-c", COMPLETE, "bash", *words, cwd=scripts)
        assert done.stdout.split() == [completed], (words, done.stderr)


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish")
def test_fish_completes(scripts: Path) -> None:
    for words, completed in COMPLETED.items():
        line = " ".join(("udsgd", *words))
        done = _shell("fish", "-c", f"source udsgd.fish; complete -C '{line}'", cwd=scripts)
        assert [each.split("\t")[0] for each in done.stdout.splitlines()] == [completed], words


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh")
def test_zsh_completes(scripts: Path) -> None:
    (scripts / "_udsgd").write_bytes((scripts / "udsgd.zsh").read_bytes())
    here, there = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"],  # noqa: S607
        cwd=scripts,
        env={"PATH": os.environ["PATH"], "HOME": str(scripts), "TERM": "dumb"},
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
    ) as shell:
        try:
            _type(here, "fpath=($PWD $fpath); autoload -U compinit; compinit -u -d dump\n", "")
            _type(here, "print rea''dy\n", "ready")
            for words, completed in COMPLETED.items():
                line = " ".join(("udsgd", *words))
                _type(here, f"{line}\t", " ".join(("udsgd", *words[:-1], completed)))
                _type(here, "\x15", "")
        finally:
            shell.kill()


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


def _type(terminal: int, keys: str, expected: str) -> None:
    """Type into a shell, and read until it has shown what is expected, with a bell or without."""
    os.write(terminal, keys.encode())
    shown, end = "", time.monotonic() + 20
    while expected not in shown:
        left = end - time.monotonic()
        assert left > 0, (keys, shown)
        if select.select([terminal], [], [], left)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace").replace("\a", "")
