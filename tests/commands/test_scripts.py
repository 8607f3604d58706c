"""No path and no setting breaks out of its word or its line of a batch script."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripts import command, directives
from udsgd_mpi.cli.main import main

ROOT = Path(__file__).parents[2]

HOSTILE = "a b'c%d$(touch e)`touch f`"  # of a folder; quotes, spaces, expansions


def test_the_whole_script_runs_with_any_path(home: Path, printed: Callable[..., str]) -> None:
    folder = home / HOSTILE
    folder.mkdir()
    command(home, "srun", "for word; do printf '%s\\0' \"$word\"; done")
    for name in ("squeue", "scontrol"):
        command(home, name, "exit 1")
    output = folder / "x.h5"
    script = printed("--agents", 4, "--output", output, "--data", f"{folder}/d.svm")
    pattern = str(output).replace("%", "%%")
    assert f"--output={shlex.quote(f'{pattern}.slurm/%j.log')}" in directives(script)
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=home,
        env={
            "PATH": f"{home / 'bin'}:/usr/bin:/bin",
            "SLURM_NTASKS": "4",
            "SLURM_TASKS_PER_NODE": "4",
            "SLURM_JOB_ID": "1",
            "SLURM_JOB_NODELIST": "here",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.partition("\n")[2].split("\0")[:-1]
    assert words[words.index("--output") + 1] == str(output)
    assert words[words.index("--data") + 1] == f"{folder}/d.svm"
    assert words[-1] == "--resume=auto"
    assert {path.name for path in home.iterdir()} == {"bin", HOSTILE}


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\0", "\x85"])
@pytest.mark.parametrize("where", ["account", "partition", "output", "set", "directive", "module"])
def test_no_control_character_reaches_a_script(
    where: str, character: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = f"x{character}#SBATCH --uid=root"
    flags = ["submit", "--print", "--agents", "4"]
    if where in ("directive", "module"):
        escaped = f"x\\u{ord(character):04x}y"
        key = {"directive": "directives", "module": "modules"}[where]
        (home / "site.toml").write_text(f'{key} = ["{escaped}"]\n')
        flags += ["--site", "site.toml"]
    else:
        flags += [f"--{where}", f"title={bad}" if where == "set" else bad]
    assert main(flags) == 2
    said = capsys.readouterr()
    assert "expected one line of text without control characters" in said.err
    assert not said.out


def test_a_backslash_in_an_output_would_keep_slurm_from_naming_the_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.exists()
    assert main(["submit", "--print", "--agents", "4", "--output", "a\\b.h5"]) == 2
    assert "expected a path without backslashes" in capsys.readouterr().err


def test_an_array_by_hand_from_a_clone_whose_path_has_a_space(home: Path) -> None:
    clone = home / "my repo" / "launch"
    clone.mkdir(parents=True)
    array = (ROOT / "launch" / "slurm_array.sbatch").read_text()
    (clone / "slurm_array.sbatch").write_text(array)
    (clone / "slurm.sbatch").write_text("printf '%s\\0' \"$@\"")
    for arguments in ("64 b.toml", "64 /a/b.toml --only x", ""):
        said = f"   Command={clone}/slurm_array.sbatch {arguments}".rstrip()
        command(home, "scontrol", f"echo 'JobId=7'; echo '{said}'; echo '   WorkDir=/a b/c.d'")
        done = subprocess.run(
            ["/bin/bash", str(clone / "slurm_array.sbatch"), "64", "b.toml"],
            env={
                "PATH": f"{home / 'bin'}:/usr/bin:/bin",
                "SLURM_ARRAY_TASK_ID": "1",
                "SLURM_ARRAY_TASK_MIN": "0",
                "SLURM_ARRAY_TASK_COUNT": "4",
                "SLURM_ARRAY_JOB_ID": "7",
            },
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        words = done.stdout.split("\0")
        assert words[:5] == ["b.toml", "--set", "first_trial=16", "--trials", "16"]
