"""Where no minimiser is known, losses say how good θ_n is: on any number of ranks, to the bit."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi4py import MPI

import udsgd_mpi
from tests.launch import udsgd
from tests.small_problem import problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.experiment.check import check
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.parallel.simulation import Simulation
from udsgd_mpi.problem import LoneTeam, Problem, held_out_points, held_out_shares, pose
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.bits import bits_of

OWN = """
import numpy as np

class Neuron:
    convex = CONVEX

    def dimension(self, features):
        return features + 1

    def value(self, theta, x, y):
        return (theta[:, -1] * self.hidden(theta, x) - y) ** 2 / 2

    def gradient(self, theta, x, y):
        h, v = self.hidden(theta, x), theta[:, -1]
        residual = v * h - y
        of_input = (residual * v * (1 - h**2))[:, None] * x
        return np.concatenate([of_input, (residual * h)[:, None]], axis=1)

    def hidden(self, theta, x):
        return np.tanh((theta[:, :-1] * x).sum(axis=1) + 1)
"""
EXPERIMENT = """
agents = 5
steps = 200
trials = 4
data = { source = "breast_cancer", standardize = true }
objective = { kind = "custom", path = "own.py:Neuron" }
step_size = { gamma = 0.2, exponent = 0.6 }
[groups.walkers]
share = 1
sampler = "srw"
graph = "erdos_renyi"
batch = 2
"""
STEPS = [0, 1, 40]


def write(folder: Path, convex: str = "False") -> None:
    name = f"own_{folder.name}"  # a module of each test's own, as this process keeps them
    (folder / f"{name}.py").write_text(OWN.replace("CONVEX", convex))
    (folder / "experiment.toml").write_text(EXPERIMENT.replace("own.py", f"{name}.py"))


def recorded(posed: Problem) -> Recording:
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    return recording


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_points(tmp_path / "small.svm")


@pytest.mark.parametrize("most", [1000, 7])
@pytest.mark.parametrize("kind", ["softmax", "logistic"])
def test_losses_are_those_of_the_formula(kind: str, most: int, data: Path) -> None:
    objective = {"kind": kind, "l2": 0.5}
    record = {"steps": STEPS, "loss": True, "loss_points": most}
    posed = problem(data, "srw", objective=objective, record=record, steps=STEPS[-1], trials=3)
    recording = recorded(posed)
    for agent_loss, loss, norm, theta in zip(
        *(recording[name].reshape(-1, *recording[name].shape[2:]) for name in
          ("agent_loss", "training_loss", "gradient_norm", "theta_mean")),
        strict=True,
    ):  # fmt: skip
        expected, slopes = [], []
        for agent in posed.agents:
            number = len(agent.points.labels)
            rows = np.arange(min(most, number)) * number // min(most, number)
            weights = agent.stationary_law * agent.points.weights
            weights = weights[rows] * weights.sum() / weights[rows].sum()
            x, y = np.asarray(agent.points.features)[rows], agent.points.labels[rows]
            one_hot = np.eye(2)[y.astype(int)]
            rows_of_theta = theta.reshape(-1, x.shape[1])
            z = x @ rows_of_theta.T
            if kind == "logistic":
                z = np.column_stack([np.zeros(len(z)), z])
            p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            losses = -np.log((p * one_hot).sum(axis=1)) + 0.25 * (theta**2).sum()
            expected.append(weights @ losses)
            residuals = (p - one_hot)[:, -len(rows_of_theta) :] * weights[:, None]
            slopes.append((residuals.T @ x).ravel() + 0.5 * weights.sum() * theta)
        np.testing.assert_allclose(agent_loss, expected, rtol=1e-12)
        np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-12)
        np.testing.assert_allclose(norm, np.linalg.norm(np.mean(slopes, axis=0)), rtol=1e-11)


def test_asking_for_losses_changes_nothing_else(data: Path) -> None:
    plain, asked = (
        recorded(problem(data, "srw", record={"steps": STEPS, **more}, steps=STEPS[-1], trials=3))
        for more in ({}, {"loss": True})
    )
    assert set(asked.measures) - set(plain.measures) == {
        "training_loss", "gradient_norm", "agent_loss"
    }  # fmt: skip
    for name, values in plain.measures.items():
        np.testing.assert_array_equal(asked[name], values)


def test_losses_of_the_test_part_are_those_of_the_formula() -> None:
    agents = 3
    settings = {
        "agents": agents,
        "steps": 10,
        "trials": 2,
        "data": {"source": "digit_images", "standardize": True},
        "objective": {"kind": "softmax", "l2": 0.1},
        "groups": {"all": {"share": 1, "sampler": "iid"}},
        "record": {"steps": [0, 10], "loss": True},
    }
    posed = pose(check(settings), LoneTeam(agents))
    recording, test = recorded(posed), held_out_points(posed)
    assert test is not None
    for row in range(2):
        for t in range(2):
            theta = recording["theta_mean"][row, t].reshape(10, -1)
            z = np.asarray(test.features) @ theta.T
            losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), test.labels.astype(int)]
            expected = losses.mean() + 0.05 * (theta**2).sum()
            assert recording["test_loss"][row, t] == pytest.approx(expected, rel=1e-12)
            accuracy = (z.argmax(axis=1) == test.labels).mean()
            assert recording["test_accuracy"][row, t] == pytest.approx(accuracy, rel=1e-14)
    assert (recording["test_accuracy"][1] > 0.5).all()
    many = replace(posed, summaries=100 * posed.summaries)  # more than there are points
    shares = [share for share in held_out_shares(many) if share is not None]
    assert len(shares) == len(test.labels) < 300
    labels = np.concatenate([share.labels for share in shares])
    np.testing.assert_array_equal(labels, test.labels)


def test_theta_is_left_out_where_it_is_not_wanted(data: Path) -> None:
    posed = problem(data, "srw", record={"steps": STEPS, "theta": False}, steps=STEPS[-1], trials=3)
    assert set(recorded(posed).measures) == {"squared_error", "consensus_error"}


def test_points_are_few_of_each_kind() -> None:
    """A share sorted by label is represented evenly, and its weight stays."""
    groups = {"all": {"share": 1, "sampler": "iid"}}
    posed = pose(check({"groups": groups, "partition": "by_label"}), LoneTeam(3))
    for agent in posed.agents:
        few, whole = agent.expectation_over(10), agent.expectation
        assert len(few.labels) == 10
        assert few.weights.sum() == pytest.approx(whole.weights.sum(), rel=1e-14)
        assert abs(few.labels.mean() - whole.labels.mean()) <= 0.1


@pytest.mark.launcher
def test_a_run_without_a_minimiser_has_the_same_bits_however_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    flags = ("experiment.toml", "--set", "record.theta=true")

    def ran(*arguments: object, ranks: int) -> None:
        done = udsgd("run", *flags, "--quiet", *arguments, ranks=ranks, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    assert main(["run", *flags, "--output", "alone.h5"]) == 0
    said = capsys.readouterr()
    assert "no theorem holds" in said.err
    assert "training loss" in said.out
    whole = bits_of(tmp_path / "alone.h5")
    names = {name.rpartition("/")[2] for name in whole}
    assert {"training_loss", "gradient_norm", "agent_loss", "theta_mean"} <= names
    assert not {"squared_error", "minimizer", "predicted_mse"} & names
    ran("--output", "parts.h5", "--steps", 70, "--keep-checkpoints", ranks=2)
    ran("--output", "parts.h5", "--resume", "--allow-changes", "steps", ranks=3)
    assert bits_of(tmp_path / "parts.h5") == whole

    images = ("--set", 'data.source="digit_images"', "--set", "objective={kind='softmax', l2=0.1}")
    asked = ("--set", "record.loss=true", "--set", "record.predict=false", "--steps", "40")
    assert main(["run", *flags, *images, *asked, "--output", "images.h5"]) == 0
    assert "test accuracy" in capsys.readouterr().out
    ran(*images, *asked, "--output", "two.h5", ranks=2)
    assert bits_of(tmp_path / "two.h5") == bits_of(tmp_path / "images.h5")
    for show in ("loss", "accuracy"):
        assert main(["report", "two.h5", "--show", show, "--figure", f"{show}.svg"]) == 0


def test_parts_of_it_are_merged_and_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    run = ("run", "experiment.toml", "--quiet", "--steps", "30")
    assert main([*run, "--output", "whole.h5"]) == 0
    for k, part in enumerate(("a.h5", "b.h5")):
        trials = ("--trials", "2", "--set", f"first_trial={2 * k}", "--output", part)
        assert main([*run, *trials]) == 0
    assert main(["merge", "joined.h5", "a.h5", "b.h5"]) == 0
    assert bits_of(tmp_path / "joined.h5") == bits_of(tmp_path / "whole.h5")
    for command in (("inspect",), ("watch", "--once"), ("report", "--csv", "x.csv", "--force")):
        capsys.readouterr()
        assert main([command[0], "joined.h5", *command[1:]]) == 0
        assert "training" in capsys.readouterr().out
    head, first = (tmp_path / "x.csv").read_text().splitlines()[:2]
    found = dict(zip(head.split(","), first.split(","), strict=True))
    assert found["mse"] == ""
    assert float(found["training_loss"]) > 0
    data = udsgd_mpi.open_results("joined.h5")
    assert data.agent_loss.dims == ("variant", "step", "trial", "agent")
    for show in ("mse", "accuracy"):
        assert main(["report", "joined.h5", "--show", show]) == 2
        assert f"--show {show}: expected results with" in capsys.readouterr().err


def test_what_needs_a_minimiser_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    for command in (
        ("predict", "experiment.toml"),
        ("plan", "experiment.toml", "--upgrade", "srw:srrw", "--against", "nbrw"),
        ("run", "experiment.toml", "--set", "record.polyak=true"),
    ):
        assert main([*command]) == 2
        assert "expected" in (said := capsys.readouterr().err)
        assert "minimiser" in said
    assert not list(tmp_path.glob("*.h5"))
    assert main(["run", "experiment.toml", "--dry-run"]) == 0, capsys.readouterr().err
    assert "none is looked for: the objective need not be convex" in capsys.readouterr().out


def test_no_minimiser_is_looked_for_where_a_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a class that says that it is not convex."""
    monkeypatch.chdir(tmp_path)
    found = []
    for convex, minimizer in (("True", "none"), ("False", "auto")):
        (tmp_path / convex).mkdir()
        write(tmp_path / convex, convex)
        flags = ("--quiet", "--steps", "20", "--set", f'objective.minimizer="{minimizer}"')
        output = ("--output", f"{convex}.h5")
        assert main(["run", f"{convex}/experiment.toml", *flags, *output]) == 0
        found.append(bits_of(tmp_path / f"{convex}.h5"))
    assert found[0] == found[1]
    assert {"main/training_loss", "main/gradient_norm"} < found[0].keys()
    assert "main/squared_error" not in found[0]


def test_a_class_says_in_plain_words_whether_it_is_convex(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, convex="'no'")
    assert main(["run", "experiment.toml"]) == 2
    assert "expected convex = True or False, got 'no'" in capsys.readouterr().err


def test_losses_of_diverged_trials_are_left_out(data: Path) -> None:
    """θ_n overflows at once: with the mask its losses are NaN, without it the run ends."""
    settings = {"step_size": {"gamma": 1e9, "exponent": 0.6}, "objective": {"kind": "ridge"}}
    posed = problem(
        data, "iid", **settings, record={"steps": [0, 60], "loss": True}, steps=60, trials=3
    )
    with pytest.raises(ConfigurationError, match="diverged: at step 60"):
        recorded(posed)
    simulation = Simulation(MPI.COMM_SELF, posed, go_on=True)
    simulation.run(Control(MPI.COMM_SELF, Policy()), lambda _: None, lambda: None)
    assert simulation.recording is not None
    losses = simulation.recording["training_loss"]
    assert np.isfinite(losses[0]).all()
    assert np.isnan(losses[1]).all()


def test_units_and_meaning_stand_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    assert main(["run", "experiment.toml", "--quiet", "--steps", "3", "--trials", "1"]) == 0
    with h5py.File("udsgd.h5") as file:
        for name in ("training_loss", "gradient_norm", "agent_loss"):
            assert file[f"runs/main/{name}"].attrs["units"] == "1"
            assert "theta_n" in file[f"runs/main/{name}"].attrs["description"]
