"""Step sizes are their closed forms wherever a run is split, and no theorem holds for most."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from tests.small_problem import AGENTS, TRIALS, problem, write_points
from udsgd_mpi.__main__ import main
from udsgd_mpi.communication import DSGD, HLSGD, LSGDPP, Pattern
from udsgd_mpi.experiment.check import check
from udsgd_mpi.forecast import predict
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.methods.step_sizes import ByRound, Constant, Cosine, Step
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.theory.step_size import CachedStepSize, Polynomial, StepSize

LAST = 3000
N = range(1, LAST + 1)
CASES: list[tuple[StepSize, list[float]]] = [
    (Polynomial(0.7, 0.6), [0.7 / n**0.6 for n in N]),
    (Polynomial(0.7, 0.6, offset=12.5), [0.7 / (n + 12.5) ** 0.6 for n in N]),
    (Constant(0.3), [0.3 for n in N]),
    (Step(0.4, every=700, factor=0.5), [0.4 * 0.5 ** ((n - 1) // 700) for n in N]),
    (
        Cosine(0.4, smallest=0.1, last=2000),
        [0.1 + 0.3 * np.cos(np.pi / 2 * min((n - 1) / 2000, 1)) ** 2 for n in N],
    ),
    (ByRound(0.9, 0.5, interval=7), [0.9 / np.sqrt(1 + (n - 1) // 7) for n in N]),
    (ByRound(0.9, 0.5, 7, offset=3), [0.9 / np.sqrt(4 + (n - 1) // 7) for n in N]),
]


@pytest.mark.parametrize(("step_size", "expected"), CASES, ids=lambda each: type(each).__name__)
def test_closed_forms(step_size: StepSize, expected: list[float]) -> None:
    whole = step_size(1, LAST)
    np.testing.assert_allclose(whole, expected, rtol=1e-13)
    cached = CachedStepSize(step_size)
    for first, last in ((1, 1), (2, 699), (700, 700), (701, 2002), (2003, 3000)):
        np.testing.assert_array_equal(step_size(first, last), whole[first - 1 : last])
        np.testing.assert_array_equal(cached(first, last), whole[first - 1 : last])
    assert step_size(5, 4).size == 0


@pytest.mark.parametrize("kind", ["StepLR", "CosineAnnealingLR"])
def test_as_pytorch_schedules(kind: str) -> None:
    torch = pytest.importorskip("torch")
    settings: dict[str, Any] = {"StepLR": {"step_size": 30, "gamma": 0.3}}.get(
        kind, {"T_max": 100, "eta_min": 0.02}
    )
    mine = Step(0.5, every=30, factor=0.3) if kind == "StepLR" else Cosine(0.5, 0.02, 100)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    theirs = getattr(torch.optim.lr_scheduler, kind)(optimizer, **settings)
    for step in mine(1, 100):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(step, rel=1e-10)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(
    "pattern",
    [
        DSGD(interval=3),
        DSGD(interval=[2, 5, 1]),
        DSGD(interval="log"),
        LSGDPP(participants=2, interval=5),
        HLSGD(clusters=2, inner=2, outer=6),
    ],
    ids=str,
)
def test_rounds_are_those_of_the_pattern(pattern: Pattern) -> None:
    schedule = pattern.start(Ring().build(4, 1, "topology"), 1)
    expected, done = [], 0
    for n in range(1, 201):
        expected.append(0.5 / (1 + done) ** 0.6)
        averages = schedule.aggregates(n)
        if isinstance(pattern, HLSGD):
            averages = averages and schedule.which(n) == 1
        done += averages
    settings = {
        "steps": 200,
        "communication": {"kind": type(pattern).__struct_config__.tag}
        | {name: getattr(pattern, name) for name in pattern.__struct_fields__},
        "step_size": {"kind": "by_round", "gamma": 0.5, "exponent": 0.6},
        "groups": {"all": {"share": 1, "sampler": "iid"}},
    }
    step_size = check(settings).step_size
    np.testing.assert_allclose(step_size(1, 200), expected, rtol=1e-14)
    np.testing.assert_array_equal(step_size(50, 60), step_size(1, 200)[49:60])


SETTINGS = """
agents = 3
trials = 2
steps = 40
data.source = "breast_cancer"
data.standardize = true
groups.all = { share = 1, sampler = "iid" }
"""
RUN = ["run", "small.toml", "--quiet"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SETTINGS)


@pytest.mark.usefixtures("here")
def test_a_cosine_does_not_fall_anew(capsys: pytest.CaptureFixture[str]) -> None:
    cosine = "step_size={ kind = 'cosine', gamma = 0.3 }"
    assert main([*RUN, "--set", cosine, "--keep-checkpoints"]) == 0
    with h5py.File("udsgd.h5") as file:
        step, gamma = (file["runs/main"][name][:] for name in ("step", "step_size"))
    np.testing.assert_allclose(gamma, Cosine(0.3, 0.0, 40)(1, 40)[step - 1])
    capsys.readouterr()
    assert main(["extend", "udsgd.h5", "--steps", "80"]) == 2
    assert "got 0 at step 80" in capsys.readouterr().err
    again = ["--steps", "80", "--set", cosine, "--resume", "--allow-changes", "steps"]
    assert main([*RUN, *again]) == 2
    assert "step_size.last" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["step", "cosine"])
def test_errors_at_n_are_predicted(kind: str, tmp_path: Path) -> None:
    """Of a slow walk too, where γ was large not long before: within 4 standard errors and 5 %."""
    others = {"every": 150} if kind == "step" else {}
    posed = problem(
        write_points(tmp_path / "small.svm"),
        "srw",
        step_size={"kind": kind, "gamma": 0.4, **others},
        steps=300,
        record={"steps": [150, 180]},
    )
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    prediction = predict(posed, LoneTeam(AGENTS, 2), recording.step)
    squares = recording["squared_error"]
    mean, error = squares.mean(axis=1), squares.std(axis=1, ddof=1) / np.sqrt(TRIALS)
    off = abs(prediction.mse - mean)
    assert (off < 4 * np.hypot(error, prediction.error) + 0.05 * mean).all()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", ["constant", "step", "cosine", "by_round"])
def test_no_limit_is_predicted(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As of a constant step: an error at n there is, by the same recursion, but no plan."""
    setting = ["small.toml", "--set", f"step_size.kind={kind}"]
    assert main(["predict", *setting]) == 0
    assert "no limit theorem holds for this step size" in capsys.readouterr().out
    upgrade = ["--upgrade", "iid:single_shuffling", "--against", "reshuffling"]
    assert main(["plan", *setting, *upgrade]) == 2
    assert "no limit theorem holds" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_constant_is_exponent_0_in_all_that_is_predicted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = []
    for step_size in ("{ kind = 'constant', gamma = 0.2 }", "{ gamma = 0.2, exponent = 0.0 }"):
        assert main(["predict", "small.toml", "--set", f"step_size={step_size}"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("{ kind = 'step', every = 0 }", "step_size.every"),
        ("{ kind = 'step', factor = 1.5 }", "step_size.factor"),
        ("{ kind = 'step', every = 1, factor = 1e-9 }", "got 0 at step 40"),
        ("{ kind = 'cosine', gamma = 0.1, smallest = 0.2 }", "expected smallest up to gamma = 0.1"),
        ("{ kind = 'cosine', last = 39 }", "got 0 at step 40"),
        ("{ kind = 'by_round', exponent = 2.0 }", "step_size.exponent"),
        ("{ kind = 'by_round', interval = 'lgo' }", "step_size.interval"),
        ("{ kind = 'cosin' }", "did you mean 'cosine'"),
        ("{ exponent = 0.3 }", "(0.5, 1]"),
        ("{ offset = -1.0 }", "step_size.offset"),
        ("{ exponent = 0.0, offset = 2.0 }", "expected no offset beside exponent = 0"),
        ("{ kind = 'by_round', exponent = 0.0, offset = 2.0 }", "expected no offset"),
        ("{ kind = 'constant', offset = 2.0 }", "step_size"),
    ],
)
def test_others_are_refused(setting: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--set", f"step_size={setting}"]) == 2
    assert message in capsys.readouterr().err
