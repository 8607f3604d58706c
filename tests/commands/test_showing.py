"""What comes after complete results never takes them back: tables, figures and streams."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch import ENVIRONMENT
from udsgd_mpi.analysis.figures.agents import agents_figure
from udsgd_mpi.cli.main import main
from udsgd_mpi.support.errors import ConfigurationError

SMALL = ("run", "--agents", "2", "--steps", "30", "--trials", "4", "--only", "all-srw")
RUN = "run --agents 2 --steps 30 --trials 4 --only all-srw --set record.predict=false"


def shell(command: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command line in which ``udsgd`` is this package."""
    return subprocess.run(
        ["/bin/bash", "-c", f'udsgd() {{ "{sys.executable}" -m udsgd_mpi "$@"; }}\n{command}'],
        cwd=folder,
        env=os.environ | ENVIRONMENT | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.launcher
@pytest.mark.parametrize(
    ("command", "variables", "out", "err"),
    [
        (f"udsgd {RUN} > /dev/full", {}, b"", b"No space left on device); the results are in"),
        (f"udsgd {RUN} 2> /dev/full | head -1; exit $PIPESTATUS", {}, b"variant", b""),
        (f"udsgd {RUN} >&- 2>&- <&-", {}, b"", b""),
        (f"udsgd {RUN}", {"PYTHONIOENCODING": "ascii"}, b"? s.e.", b""),
        (
            f"udsgd {RUN}",
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            b"? s.e.",
            b"",
        ),
    ],
    ids=["full", "head", "closed", "ascii", "C locale"],
)
def test_a_run_ends_with_0_whatever_its_streams_are(
    command: str, variables: dict[str, str], out: bytes, err: bytes, tmp_path: Path
) -> None:
    done = shell(command, tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"udsgd.h5", "udsgd.png"}
    assert out in done.stdout
    assert err in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "x.h5"
    assert main([*SMALL, "--output", str(path)]) == 0
    return path


@pytest.mark.launcher
@pytest.mark.parametrize(
    "command",
    ["report x.h5", "inspect x.h5", f"{RUN} --dry-run", "topology ring -n 9 --figure y.png"],
)
def test_what_only_prints_fails_where_it_cannot(command: str, results: Path) -> None:
    results.with_suffix(".png").unlink(missing_ok=True)
    full = shell(f"udsgd {command} > /dev/full", results.parent)
    assert full.returncode == 74
    assert full.stderr == (
        b"udsgd: error: standard output: cannot be written (No space left on device)\n"
    )
    enough = shell(f"udsgd {command} | head -1; exit $PIPESTATUS", results.parent)
    assert (enough.returncode, enough.stderr) == (0, b"")
    assert results.with_suffix(".png").exists() == command.startswith("report")


@pytest.mark.launcher
def test_settings_of_matplotlib_that_do_not_work(results: Path) -> None:
    folder = results.parent
    (folder / "tex").write_text("text.usetex: True\n")
    done = shell("udsgd report x.h5", folder, MATPLOTLIBRC=str(folder / "tex"), MPLBACKEND="none")
    assert done.returncode == 0, done.stderr
    (folder / "broken").write_bytes(b"\xff\xfe\n")
    done = shell("udsgd report x.h5", folder, MATPLOTLIBRC=str(folder / "broken"))
    assert done.returncode == 74
    assert b"all-srw" in done.stdout
    assert b"udsgd: error: figure x.png: cannot be drawn ('utf-8' codec" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_figure_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "udsgd.png").mkdir()
    assert main(list(SMALL)) == 0
    said = capsys.readouterr()
    assert "results udsgd.h5" in said.out
    assert "figure  udsgd.png" not in said.out
    assert "warning: the results are in udsgd.h5, but not all of them are shown" in said.err
    assert main(["report", "udsgd.h5"]) == 2
    assert "figure udsgd.png: expected a file" in capsys.readouterr().err


def test_errors_that_are_all_zero_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zero.svm").write_text("".join(f"0 1:{k} 2:{k % 3}\n" for k in range(40)))
    setting = ("--set", 'objective={kind="ridge"}', "--data", "zero.svm")
    assert main([*SMALL, *setting]) == 0
    assert "0.000e+00" in capsys.readouterr().out
    for show in ("mse", "scaled", "last", "agents", "consensus"):
        assert main(["report", "udsgd.h5", "--show", show]) == 0


def test_a_title_without_end_leaves_room_for_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--set", f"title={'word ' * 200}"]) == 0
    assert (tmp_path / "udsgd.png").exists()


def test_figure_of_agents_says_what_has_no_parts_of_agents() -> None:
    """As models that walk have a limit, the step size is not what is wrong."""
    with pytest.raises(ConfigurationError, match="models that walk have no such parts"):
        agents_figure({})
