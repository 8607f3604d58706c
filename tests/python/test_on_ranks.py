"""A script on MPI ranks runs experiments on all of them, or on some."""

from pathlib import Path

import pytest

from tests.launch import python, udsgd
from udsgd_mpi.testing.bits import bits_of

ON_THREE = """
import sys
from mpi4py import MPI
import udsgd_mpi
from tests.python.typed import typed
from udsgd_mpi.support.errors import ConfigurationError

world = MPI.COMM_WORLD
whole = udsgd_mpi.run(typed(), output="3.h5")
try:
    udsgd_mpi.run(typed(), output="3.h5", resume="no" if world.rank != 1 else "yes")
except ConfigurationError as error:
    assert "resume: expected one of" in str(error), error
try:
    udsgd_mpi.run(typed(), output=f"on{world.rank}.h5")
except ConfigurationError as error:
    assert "got others on rank 1 than on rank 0" in str(error), error
try:
    udsgd_mpi.run(typed(), output="3.h5")
except ConfigurationError as error:
    assert "already exists" in str(error), error
part = world.Split(world.rank == 0)
own = udsgd_mpi.run(typed(), part, output=f"{part.size}.h5")
assert own.equals(whole)
assert world.allreduce(1) == 3
if world.rank == 0:
    alone = udsgd_mpi.run(typed(), MPI.COMM_SELF, output="self.h5")
"""


@pytest.mark.launcher
def test_bits_are_those_of_the_command_line_on_one_two_and_three_ranks(folder: Path) -> None:
    (folder / "x.toml").write_text(
        "agents = 3\nsteps = 60\ntrials = 3\ndata.standardize = true\n"
        "record.detail = 'iterates'\n[groups.full]\nshare = 0.4\nsampler = 'iid'\n"
        "[groups.walkers]\nshare = 0.6\nsampler = 'srw'\ngraph = 'clustered'\n"
    )
    done = udsgd("run", "x.toml", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "script.py").write_text(ON_THREE)
    root = str(Path(__file__).parents[2])
    done = python("script.py", ranks=3, cwd=folder, PYTHONPATH=root)
    assert done.returncode == 0, done.stderr
    expected = bits_of(folder / "udsgd.h5")
    for name in ("1", "2", "3", "self"):
        assert bits_of(folder / f"{name}.h5") == expected


FAILING = """
from mpi4py import MPI

class Ridge:
    def __init__(self, rank):
        self.steps, self.rank = 0, rank

    def value(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y) ** 2 / 2 + (theta**2).sum(axis=1) / 2

    def gradient(self, theta, x, y):
        self.steps += len(theta) == 7  # points of as many trials, and so a step of an agent
        if MPI.COMM_WORLD.rank == self.rank and self.steps > 300:
            raise KeyError("in the middle of a step")
        return ((theta * x).sum(axis=1) - y)[:, None] * x + theta
"""
ON_TWO = """
import resource
import signal
from mpi4py import MPI
import udsgd_mpi

world = MPI.COMM_WORLD
user = {"kind": "custom", "path": "failing:Ridge", "arguments": {"rank": 1}}
settings = {
    "agents": 4, "steps": 2000, "trials": 7, "record": {"points": 5, "predict": False},
    "data": {"standardize": True}, "step_size": {"gamma": 0.1},
    "groups": {"all": {"share": 1.0, "sampler": "iid"}},
}
for topology in ("ring", "complete"):  # under way with neighbours, and with all
    over = {"objective": user, "topology": topology}
    try:
        udsgd_mpi.run(udsgd_mpi.load(settings | over), output=f"{topology}.h5")
    except udsgd_mpi.ConfigurationError as error:
        assert "on rank 1: objective failing.py:Ridge: " in str(error), error
        assert "KeyError: 'in the middle of a step'" in str(error), error
    else:
        raise AssertionError("no error")
    world.Barrier()
    assert udsgd_mpi.open_results(f"{topology}.h5").attrs["status"] == "stopped"
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if world.rank == 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))  # room for results, no checkpoint
try:
    udsgd_mpi.run(udsgd_mpi.load(settings), output="full.h5", checkpoint_every=100)
except udsgd_mpi.OutputError as error:
    assert "cannot be written (File too large)" in str(error), error
else:
    raise AssertionError("no error")
assert world.allreduce(1) == 2
"""


@pytest.mark.launcher
def test_what_fails_on_one_rank_in_a_step_or_in_writing_is_raised_on_all(folder: Path) -> None:
    (folder / "failing.py").write_text(FAILING)
    (folder / "script.py").write_text(ON_TWO)
    root = str(Path(__file__).parents[2])
    done = python("script.py", ranks=2, cwd=folder, PYTHONPATH=f"{root}:{folder}", timeout=100)
    assert done.returncode == 0, done.stderr
