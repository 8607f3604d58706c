"""A sampler of a user's own that breaks its rules ends the run with one message and exit code 2."""

from pathlib import Path

import pytest

from tests.launch import udsgd
from udsgd_mpi.cli.main import main

SAMPLER = """
import numpy as np
{at_import}
class Mine:
    {says}

    def __init__(self, points, graph{more}):
        self.points = points
        self.drawn = 0
        {in_init}

    def start(self, uniforms):
        self.at = (uniforms * self.points).astype(int)

    def draw(self, steps, uniforms):
        self.drawn += steps
        X = (uniforms * self.points).astype(int)
        {in_draw}
        return X

    def stationary_law(self):
        law = np.full(self.points, 1 / self.points)
        {in_law}
        return law

    def asymptotic_covariance(self, G):
        U = G.T @ G / len(G)
        {in_theory}
        return U
"""
PARTS = ("at_import", "says", "more", "in_init", "in_draw", "in_law", "in_theory")
EMPTY = dict.fromkeys(PARTS, "pass") | {"more": ""}
FLAGS = ("--agents", "2", "--steps", "3000", "--trials", "3", "--data", "breast_cancer")
BEGIN = "udsgd: error: sampler NAME.py:Mine: "
LATER = "if self.drawn > 1024: "
POINTS = 284


def write(folder: Path, name: str, **parts: str) -> tuple[str, ...]:
    """Write the module; flags of a run with it."""
    (folder / f"{name}.py").write_text(SAMPLER.format(**EMPTY | parts))
    sampler = f'{{kind="custom", path="{name}:Mine"}}'
    (folder / "x.toml").write_text(f"groups.all = {{ share = 1, sampler = {sampler} }}\n")
    return ("run", "x.toml", *FLAGS)


CASES: dict[str, tuple[dict[str, str], str]] = {
    "a module that fails": (
        {"at_import": "import no_such_module_of_mine"},
        BEGIN + "FOLDER/NAME.py:3: ModuleNotFoundError: No module named 'no_such_module_of_mine'",
    ),
    "arguments": (
        {"more": ", needed"},
        BEGIN + "FOLDER/NAME.py:7: TypeError: Mine.__init__() missing 1 required positional"
        " argument: 'needed'",
    ),
    "shape": (
        {"in_draw": "X = X[0]"},
        BEGIN + "expected of draw whole numbers of shape (1024, 3), which is (steps, trials), got"
        " int64 of shape (3,)",
    ),
    "type": (
        {"in_draw": "X = X * 1.0"},
        BEGIN + "expected of draw whole numbers of shape (1024, 3), which is (steps, trials), got"
        " float64 of shape (1024, 3)",
    ),
    "nothing": (
        {"in_draw": "return None"},
        BEGIN + "expected of draw whole numbers of shape (1024, 3), which is (steps, trials), got"
        " None",
    ),
    "index": (
        {"in_draw": LATER + "X[5, 1] = self.points"},
        BEGIN + f"expected of draw indices from 0 to {POINTS - 1}, got {POINTS} for agent 0 at"
        " step 1029 in trial 1",
    ),
    "negative index": (
        {"in_draw": "X[7, 2] = -1"},
        BEGIN + f"expected of draw indices from 0 to {POINTS - 1}, got -1 for agent 0 at step 7 in"
        " trial 2",
    ),
    "raised while stepping": (
        {"in_draw": LATER + "raise KeyError('mine')"},
        BEGIN + "FOLDER/NAME.py:18: KeyError: 'mine'",
    ),
    "memory that is not there": (
        {"says": "memory = ('at', 'x')"},
        BEGIN + "expected an array in x, which memory names, got None; set it in start or in"
        " __init__",
    ),
    "memory that is no array": (
        {"says": "memory = ('x',)", "in_init": "self.x = {}"},
        BEGIN + "expected an array in x, which memory names, got {}; set it in start or in"
        " __init__",
    ),
    "memory that is no name": (
        {"says": "memory = 'at'"},
        BEGIN + "expected names such as memory = (\"at\",), got 'at'",
    ),
    "numbers a step": (
        {"says": "uniforms_per_step = 0"},
        BEGIN + "expected a whole number uniforms_per_step ≥ 1, got 0",
    ),
    "law of another length": (
        {"in_law": "law = law[1:]"},
        BEGIN + f"expected of stationary_law() numbers of shape ({POINTS},), got float64 of shape"
        f" ({POINTS - 1},)",
    ),
    "law that is negative": (
        {"in_law": "law[3] = -1"},
        BEGIN + "expected of stationary_law() probabilities, got -1 for point 3",
    ),
    "law that does not add up": (
        {"in_law": "law *= 2"},
        BEGIN + "expected of stationary_law() probabilities that add up to 1, got a sum of 2",
    ),
    "law of words": (
        {"in_law": "law = 'uniform'"},
        BEGIN + f"expected of stationary_law() numbers of shape ({POINTS},), got 'uniform'",
    ),
    "covariance": (
        {"in_theory": "U = U[0]"},
        BEGIN + "expected of asymptotic_covariance(G) finite numbers of shape (30, 30), got float64"
        " of shape (30,)",
    ),
    "no graph": (
        {"says": "on_graph = True"},
        "udsgd: error: groups.all: expected a graph for a walk on the data, got none",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_broken_rules(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    parts, message = CASES[case]
    name = f"bad_sampler_{[*CASES].index(case)}"
    assert main([*write(tmp_path, name, **parts), "--force"]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "udsgd: error: " in line]
    (said,) = errors
    assert said.startswith(message.replace("NAME", name).replace("FOLDER", str(tmp_path)))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere:Mine", "(no module 'nowhere')"),
        ("fractions:Mine", "(no 'Mine' in <module 'fractions'"),
        ("fractions", "(no module '')"),
        ("decimal:Context", "with the method draw(steps, uniforms), got 'decimal:Context' without"),
    ],
)
def test_a_class_that_is_not_there(
    path: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text(
        f'groups.all = {{ share = 1, sampler = {{ kind = "custom", path = "{path}" }} }}\n'
    )
    assert main(["run", "x.toml", *FLAGS]) == 2
    said = capsys.readouterr().err
    assert "udsgd: error: sampler" in said
    assert message in said


ENDLESS = "while True: X = X + 0"
FROM_RANK = "if __import__('mpi4py.MPI').MPI.COMM_WORLD.rank == 1 and self.drawn > 1024: "


@pytest.mark.launcher
def test_one_rank_ends_all(tmp_path: Path) -> None:
    run = write(tmp_path, "mine", in_draw=FROM_RANK + "raise KeyError('mine')")
    done = udsgd(*run, ranks=2, cwd=tmp_path, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "sampler mine.py:Mine: " in done.stderr
    assert "mine.py:18: KeyError: 'mine'" in done.stderr


@pytest.mark.launcher
def test_an_endless_loop_on_one_rank_ends_all(tmp_path: Path) -> None:
    loop = "\n        ".join([FROM_RANK[:-2] + ":", f"    {ENDLESS}"])
    run = write(tmp_path, "mine", in_draw=loop)
    done = udsgd(*run, "--stall-timeout", "5s", ranks=2, cwd=tmp_path, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "sampler mine.py:Mine: " in done.stderr
    assert "mine.py:19: " in done.stderr
