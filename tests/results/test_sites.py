"""No row leaves the host of its agent: all that ranks hand to MPI is read, in the example of sites.

Cells of the sites' files and the numbers that their points are made of have digits enough to be
nowhere by chance.
"""

import importlib.util
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest

from tests.launch import python

EXAMPLE = Path(__file__).parents[2] / "launch/examples/consortium"
RANKS, SITES = 2, 4


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each rank, in which the files of the other's sites are empty."""
    folder = tmp_path_factory.mktemp("consortium")
    shutil.copytree(EXAMPLE, folder / "all")
    done = python("make_sites.py", cwd=folder / "all")
    assert done.returncode == 0, done.stderr
    for rank in range(RANKS):
        shutil.copytree(folder / "all", folder / str(rank))
        for k, file in enumerate(sorted((folder / f"{rank}/sites").iterdir())):
            if k * RANKS // SITES != rank:
                file.write_text("")
    return folder


def listen(*words: object, sites: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command on ranks that are each in a folder of their own, and hear what they send."""
    program = (
        "import os, runpy; from udsgd_mpi.support.launcher import launched_rank;"
        f" os.chdir({str(sites)!r} + f'/{{launched_rank()}}');"
        " runpy.run_path('listen.py', run_name='__main__')"
    )
    return python("-c", program, *words, cwd=sites, ranks=RANKS)


@pytest.mark.launcher
def test_no_message_of_a_run_its_prediction_and_its_intervals_has_a_cell_in_it(
    sites: Path,
) -> None:
    """And no rank opens another site's file."""
    small = ("--steps", 20, "--set", "record.steps=[10]", "--quiet")
    ran = listen("run", "consortium.toml", *small, sites=sites)
    assert ran.returncode == 0, ran.stderr
    heard = messages(ran.stderr)
    assert "cells and numbers of points in them: 0" in ran.stderr
    # The half-steps that telemetry counts are those that were heard.
    with h5py.File(sites / "0/consortium.h5") as file:
        telemetry = file["telemetry/main"]
        told = int(telemetry["messages"][:].sum()), int(telemetry["bytes_sent"][:].sum())
        assert file["runs/main/points"][:].tolist() == [90, 240, 60, 150]
    assert heard["parallel/exchanges/sparse: __call__"] == told
    for part in ("problem/tables: _means", "problem/mean_objective: derivatives"):
        assert heard[part][0] > 0
    assert any(name.startswith("forecast/") for name in heard)
    inferred = listen("infer", "consortium.h5", sites=sites)
    assert inferred.returncode == 0, inferred.stderr
    assert "cells and numbers of points in them: 0" in inferred.stderr
    assert messages(inferred.stderr)["forecast/inference: infer"][0] > 0
    assert "smoker=now" in inferred.stdout


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_the_commands_of_the_example_run(sites: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(sites / "all", folder)
    blocks = re.findall(r"```bash\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.DOTALL)
    assert blocks
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", "".join(blocks)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "forest.png").exists()


def messages(said: str) -> dict[str, tuple[int, int]]:
    """Numbers and bytes of messages, by what sends them."""
    lines = re.findall(r"^ *([\d,]+) +([\d,]+)  \S+ +(\S+: \w+)$", said, re.MULTILINE)
    found: dict[str, tuple[int, int]] = {}
    for number, size, name in lines:
        before = found.get(name, (0, 0))
        found[name] = tuple(
            old + int(new.replace(",", "")) for old, new in zip(before, (number, size), strict=True)
        )
    return found


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("listening", EXAMPLE / "listen.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "listening", module)
    spec.loader.exec_module(module)
    return module


def test_what_listens_finds_cells_as_numbers_and_as_text(
    listening: ModuleType, tmp_path: Path
) -> None:
    """At any byte of a message; what is everywhere, such as 0, 1 or 2.5, is not looked for."""
    (tmp_path / "site.csv").write_text("age,dose\n61.20345,1\n2.5,0\n")
    leaks = {
        "an array": np.array([0.0, 61.20345]).tobytes(),
        "at an odd byte": b"x" + np.array([61.20345]).tobytes(),
        "an object": pickle.dumps({"row": np.array([1.0, 61.20345])}),
        "text": pickle.dumps("line 2: got 61.20345"),
        "a number of points": np.array([-0.123456789]).tobytes(),
    }
    for leak in leaks.values():
        ear = listening.Ear()
        ear.know_cells(tmp_path)
        ear.know_numbers(np.array([-0.123456789, 1.0]))
        ear.hear("bcast", np.array([2.5, 0.0, 1.0]).tobytes())
        assert not ear.found
        ear.hear("bcast", leak)
        assert ear.found
