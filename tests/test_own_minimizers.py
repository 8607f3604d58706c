"""The minimizer of a user's objective is found, or a run refused with the reason there is none."""

from pathlib import Path

import numpy as np
import pytest

from tests.small_problem import write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.problem import LoneTeam, pose

MODULE = """
import numpy as np
class Ridge:
    sign, number = 1, float
    def __init__(self, l2=0.5, scale=()):
        self.l2 = l2
    def value(self, theta, x, y):
        fit = ((theta * x).sum(axis=1) - y) ** 2 / 2
        return self.sign * (fit + self.l2 / 2 * (theta**2).sum(axis=1))
    def gradient(self, theta, x, y):
        fit = ((theta * x).sum(axis=1) - y)[:, None] * x
        return (self.sign * (fit + self.l2 * theta)).astype(self.number)
class Single(Ridge):
    number = np.float32
class Concave(Ridge):
    sign = -1
class Saddle(Ridge):
    def value(self, theta, x, y):
        return theta[:, 0] + (theta[:, 0] ** 2 - (theta[:, 1:] ** 2).sum(axis=1)) / 2
    def gradient(self, theta, x, y):
        slope = -theta
        slope[:, 0] = 1 + theta[:, 0]
        return slope
class NoValue:
    def gradient(self, theta, x, y):
        return theta
"""


def settings(folder: Path, own: str, arguments: str = "{}") -> Path:
    write_points(folder / "x.svm")
    (folder / "mine.py").write_text(MODULE)
    path = folder / "x.toml"
    path.write_text(
        f"""
        agents = 4
        steps = 50
        trials = 2
        data.source = "x.svm"
        objective = {{ kind = "custom", path = "mine:{own}", arguments = {arguments} }}
        groups.all = {{ share = 1, sampler = "iid" }}
        """
    )
    return path


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("Concave", ["f has a maximum where ∇f = 0", "μ = -", "check its sign"]),
        ("Saddle", ["f has a saddle point where ∇f = 0", "μ = -1"]),
        ("NoValue", ["objective.path", "without value"]),
    ],
)
def test_what_has_no_minimizer_is_refused_with_the_reason(
    own: str, said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings(tmp_path, own)
    before = sorted(tmp_path.iterdir())
    assert main(["run", str(path), "--output", str(tmp_path / "x.h5")]) == 2
    message = capsys.readouterr().err
    assert all(words in message for words in said), message
    assert "objective.l2" not in message
    assert len(before) == len([p for p in tmp_path.iterdir() if p.name != "__pycache__"])


def test_gradients_in_single_precision_find_the_minimizer_of_double(tmp_path: Path) -> None:
    found = []
    for own, arguments in [("Ridge", "{ scale = [1, 2, 3] }"), ("Single", "{ scale = [[1]] }")]:
        experiment = variants(read_experiment(settings(tmp_path, own, arguments)), {}, tmp_path)[
            "main"
        ]
        found.append(pose(experiment, LoneTeam(4)))
    np.testing.assert_allclose(found[1].minimizer, found[0].minimizer, rtol=1e-5)
    np.testing.assert_allclose(found[1].hessian, found[0].hessian, atol=1e-4)


def test_a_class_beside_the_experiment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.py").write_text("class Ridge: pass")
    monkeypatch.chdir(elsewhere)
    experiment = variants(read_experiment(settings(tmp_path, "Ridge")), {}, tmp_path)["main"]
    assert pose(experiment, LoneTeam(4)).optimum.smallest_curvature > 0


def test_a_ridge_without_a_penalty_on_features_that_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "".join(f"{k % 3} 1:{k} 2:{2 * k} 3:{k % 5}\n" for k in range(1, 40))
    Path("x.svm").write_text(text)
    arguments = ["--data", "./x.svm", "--agents", "2", "--set", 'objective={kind="ridge", l2=0}']
    assert main(arguments) == 2
    assert "use objective.l2 > 0" in capsys.readouterr().err
