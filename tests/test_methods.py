"""Methods move as PyTorch's do, on all kinds of objectives, and go on from a checkpoint."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from msgspec import to_builtins
from scipy.sparse import csr_array

from tests.contracts import WithoutRuns
from udsgd_mpi.__main__ import main
from udsgd_mpi.experiment.check import check
from udsgd_mpi.methods import (
    SGD,
    Adam,
    CustomMethod,
    ExactDiffusion,
    Extra,
    FedOpt,
    GradientTracking,
    Momentum,
    Nesterov,
    Prox,
    PushSum,
    Scaffold,
)
from udsgd_mpi.methods.fedopt import ServerAdam, ServerMomentum
from udsgd_mpi.objectives import Custom, Points, Ridge
from udsgd_mpi.testing import MethodContract
from udsgd_mpi.testing.methods import AGENTS, OBJECTIVE, STEPS, TRIALS, D


class OwnContract(WithoutRuns, MethodContract):
    """The same, and on sparse rows and on an objective that is not compiled."""

    def test_on_sparse_rows_with_the_same_bits(self) -> None:
        points = self.points
        sparse = Points(csr_array(points.features), points.labels, points.weights)
        np.testing.assert_array_equal(self.run(points=sparse).theta, self.run().theta)

    def test_on_an_objective_of_ones_own(self) -> None:
        own = Custom(path="tests.own_objective:OwnRidge", arguments={"l2": 0.3})
        found, expected = (self.run(objective=each).theta for each in (own, Ridge(l2=0.3)))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


class PyTorchContract(OwnContract):
    """The same beside PyTorch."""

    def test_as_pytorch_moves(self) -> None:
        torch = pytest.importorskip("torch")
        method, settings = self.method, to_builtins(self.method)
        settings |= settings.get("arguments", {})
        others = {"lr": 1.0, "weight_decay": settings.get("weight_decay", 0.0)}
        parameter = torch.nn.Parameter(torch.zeros((AGENTS, TRIALS, D), dtype=torch.float64))
        if isinstance(method, Adam):
            betas = settings["beta1"], settings["beta2"]
            theirs = torch.optim.AdamW([parameter], betas=betas, eps=settings["epsilon"], **others)
        else:
            nesterov, beta = isinstance(method, Nesterov), settings.get("beta", 0.0)
            theirs = torch.optim.SGD([parameter], momentum=beta, nesterov=nesterov, **others)
        for n, step in enumerate(self.gamma):
            theirs.param_groups[0]["lr"] = step
            theta = parameter.detach().numpy()
            parameter.grad = torch.zeros_like(parameter)
            for i, t in np.ndindex(AGENTS, TRIALS):
                point = self.points.take(self.rows[n, i, t : t + 1])
                gradient = OBJECTIVE.gradient(theta[i, t], point)
                parameter.grad[i, t] = torch.from_numpy(gradient)
            theirs.step()
        expected = parameter.detach().numpy()
        found = self.run([7, STEPS - 7]).theta
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


class TestCustom(PyTorchContract):
    """A user's class, here momentum once more."""

    method = CustomMethod(path="tests.own_method:HeavyBall", arguments={"beta": 0.8})


class TestDecayingSGD(PyTorchContract):
    method = SGD(weight_decay=0.2)


class TestMomentum(PyTorchContract):
    method = Momentum(beta=0.8, weight_decay=0.2)


class TestNesterov(PyTorchContract):
    method = Nesterov(beta=0.8)


class TestDecayingNesterov(PyTorchContract):
    method = Nesterov(beta=0.7, weight_decay=0.2)


class TestAdam(PyTorchContract):
    method = Adam()


class TestDecayingAdam(PyTorchContract):
    method = Adam(beta1=0.0, beta2=0.9, epsilon=1e-4, weight_decay=0.2)


class TestGradientTracking(OwnContract):
    method = GradientTracking()


class TestExactDiffusion(OwnContract):
    method = ExactDiffusion()


class TestExtra(OwnContract):
    method = Extra()


class TestProx(OwnContract):
    method = Prox(mu=0.6)


class TestPushSum(OwnContract):
    method = PushSum()


class TestScaffold(OwnContract):
    method = Scaffold()


class TestFedOpt(OwnContract):
    method = FedOpt()


class TestFedAdam(OwnContract):
    method = FedOpt(ServerAdam())


SETTINGS = """
agents = 3
trials = 2
record.detail = "iterates"
data.source = "breast_cancer"
data.standardize = true
groups.all = { share = 1, sampler = "srw", graph = "small_world" }
communication = { kind = "lsgd_pp", participants = 2, interval = 4 }
variant.nesterov.method = { kind = "nesterov", weight_decay = 0.1 }
variant.nesterov.step_size = { kind = "cosine", gamma = 0.3, smallest = 0.01, last = 50 }
variant.adam.method = "adam"
variant.adam.step_size = { kind = "by_round", gamma = 0.1 }
variant.tracking.method = "gradient_tracking"
variant.tracking.dtype = "float32"
variant.scaffold.method = "scaffold"
variant.scaffold.communication = { kind = "lsgd_fp", interval = 7 }
variant.scaffold.dtype = "float32"
variant.fedopt.method = { kind = "fedopt", server = "adam" }
variant.fedopt.communication = { kind = "lsgd_fp", interval = 7 }
variant.fedopt.dtype = "float32"
"""
STATES = {
    "nesterov": ["velocity"],
    "adam": ["first_moment", "second_moment", "steps_taken"],
    "tracking": ["tracked", "gradient"],
    "scaffold": ["control", "drift", "length"],
    "fedopt": ["model", "first_moment", "second_moment"],
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SETTINGS)
    return "small.toml"


def test_they_go_on_from_the_middle_with_the_same_bits(settings: str) -> None:
    run_it = ["run", settings, "--quiet", "--keep-checkpoints", "--set", "record.predict=false"]
    assert main([*run_it, "--output", "whole.h5", "--steps", "60"]) == 0
    assert main([*run_it, "--output", "parts.h5", "--steps", "25"]) == 0
    assert main(["extend", "parts.h5", "--steps", "60"]) == 0
    with h5py.File("whole.h5") as first, h5py.File("parts.h5") as second:
        for variant, states in STATES.items():
            one, other = (file["runs"][variant] for file in (first, second))
            shared = np.isin(one["step"][:], other["step"][:])
            for name in ("theta", "squared_error", "step_size", *states):
                np.testing.assert_array_equal(one[name][shared], other[name][:])
                assert np.ptp(one[name]) > 0
        assert first["runs/tracking/tracked"].dtype == np.float32
        sent = {name: first["runs"][name]["bytes_exchanged"][-1] for name in STATES}
        assert sent["tracking"] == sent["adam"]  # twice as many numbers of half as many bytes
        assert sent["scaffold"] == 2 * sent["fedopt"]


def test_a_table_of_a_method_has_the_kind_of_its_default() -> None:
    given = {"groups": {"all": {"share": 1, "sampler": "iid"}}}
    given["method"] = {"kind": "fedopt", "server": {"beta": 0.5}}
    assert check(given).method == FedOpt(ServerMomentum(beta=0.5))


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("nesterov", "no theorem holds but for sgd and momentum, both without weight_decay"),
        ("adam", "no theorem holds but for sgd and momentum, both without weight_decay"),
        ("{ kind = 'sgd', weight_decay = 0.1 }", "no theorem holds but for sgd and momentum"),
        ("fedopt", "no theorem holds for fedopt, whose server makes steps of its own"),
    ],
)
def test_no_theorem_holds_for_them(
    method: str, reason: str, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [settings, "--steps", "20", "--set", f"method={method}"]
    asked += ["--set", "communication={ kind = 'lsgd_fp' }"]
    for command in (["predict"], ["plan", "--upgrade", "srw:srrw", "--against", "nbrw"]):
        assert main([*command, *asked]) == 2
        assert reason in capsys.readouterr().err
    assert main(["run", *asked, "--only", "adam", "--set", "step_size.kind=constant"]) == 0
    assert reason in "".join(capsys.readouterr())
    with h5py.File("udsgd.h5") as file:
        assert "predicted_mse" not in file["runs/adam"]


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("{ kind = 'nesterov', beta = 1.0 }", "method.beta"),
        ("{ kind = 'adam', beta2 = 1.0 }", "method.beta2"),
        ("{ kind = 'adam', epsilon = 0.0 }", "method.epsilon"),
        ("{ kind = 'sgd', weight_decay = -1.0 }", "method.weight_decay"),
        ("{ kind = 'adam', beta = 0.5 }", "method.beta"),
        ("{ kind = 'prox', mu = -0.1 }", "method.mu"),
        ("{ kind = 'gradient_tracking', beta = 0.5 }", "'method.beta': Known: none"),
        ("{ kind = 'fedopt', server = 'sgd' }", "method.server: unknown server 'sgd'"),
        ("{ kind = 'fedopt', server = { beta = 1.0 } }", "method.server.beta"),
        ("{ kind = 'fedopt', server = { kind = 'adam', beta = 0.5 } }", "method.server.beta"),
    ],
)
def test_other_parameters_are_refused(
    method: str, key: str, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", settings, "--set", f"method={method}"]) == 2
    assert key in capsys.readouterr().err
