"""Compressed messages: CHOCO-SGD as in the paper, what Q promises, bytes, and what is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI
from msgspec import to_builtins
from msgspec.structs import replace
from numpy.typing import NDArray

from tests import textbook
from tests.as_predicted import check_against_trials
from tests.compressions import ALL, compressed
from tests.small_problem import AGENTS, POINTS, D, problem, write_points
from udsgd_mpi.__main__ import main
from udsgd_mpi.communication import Layout
from udsgd_mpi.communication.codecs import Compressed
from udsgd_mpi.communication.compression import Compression, Quantize, RandomK, TopK
from udsgd_mpi.engine.public_copies import PublicCopies
from udsgd_mpi.forecast import predict
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.preflight.cost import Network, cost
from udsgd_mpi.problem import LoneTeam, Problem
from udsgd_mpi.testing.bits import bits_of

Floats = NDArray[np.float64]

SEED, L2, GAMMA = 1, 0.1, 0.3
RING = np.array([[1, 1, 0, 1], [1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1]]) / 3
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)
WIDE = 30


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


def communication(compression: Compression | None, interval: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "dsgd", "interval": interval, "weights": "uniform"}
    return found | ({"compression": to_builtins(compression)} if compression else {})


def iterates(data: Path, **settings: Any) -> tuple[Floats, Problem]:
    """θ^i of two trials after 1 step and 200, of ridge regression on all points at once."""
    posed = problem(
        data,
        "iid",
        trials=2,
        steps=200,
        seed=SEED,
        objective={"kind": "ridge", "l2": L2},
        groups={"all": {"share": 1, "sampler": "iid", "batch": POINTS}},
        record={"steps": [1], "detail": "iterates", "predict": False},
        step_size={"kind": "constant", "gamma": GAMMA},
        topology="ring",
        **settings,
    )
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    return recording["theta"], posed


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("compression", ALL, ids=repr)
def test_steps_are_those_of_the_paper(compression: Compression, interval: int, data: Path) -> None:
    compression = replace(compression, consensus_step=0.3)
    found, posed = iterates(data, communication=communication(compression, interval))
    points = [agent.points for agent in posed.agents]
    H = np.stack([p.features.T @ p.features / POINTS + L2 * np.eye(D) for p in points])
    b = np.stack([p.features.T @ p.labels / POINTS for p in points])

    def gradient(theta: Floats, _: int) -> Floats:
        return np.einsum("ijk,itk->itj", H, theta) - b[:, None]

    def mixing(n: int) -> Floats:
        return np.eye(AGENTS) if n % interval else RING

    loop = textbook.choco(0.3, compressed(compression, SEED))
    for theta, steps in zip(found, (1, 200), strict=True):
        start, gamma = np.zeros((AGENTS, 2, D)), np.full(steps, GAMMA)
        expected = loop(start, gradient, mixing, gamma).swapaxes(0, 1)
        np.testing.assert_allclose(theta, expected, rtol=1e-12, atol=1e-13)
        if steps > 1:
            other = textbook.sgd(start, gradient, mixing, gamma).swapaxes(0, 1)
            assert np.abs(theta - other).max() > 1e-3


def test_where_messages_say_all_it_is_dsgd(data: Path) -> None:
    """To rounding."""
    plain, _ = iterates(data, communication=communication(None))
    for compression in (TopK, RandomK):
        whole = compression(fraction=1.0, consensus_step=1.0)
        found, _ = iterates(data, communication=communication(whole))
        np.testing.assert_allclose(found, plain, rtol=1e-14, atol=1e-14)
    fine = Quantize(bits=16, consensus_step=1.0)
    found, _ = iterates(data, communication=communication(fine))
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-4)


def told(
    compression: Compression, x: Floats, number: int = 1, dtype: np.dtype[Any] = DOUBLE
) -> Floats:
    """Q(x), of x (agents, trials, d)."""
    agents, trials, d = x.shape
    public = np.zeros(x.shape, x.dtype)
    codec = Compressed(compression, d, dtype)
    copies = PublicCopies(
        codec, public, np.zeros((agents, trials * d), x.dtype), 7, range(agents), range(trials)
    )
    copies.publish(x.copy(), number)
    return public


@pytest.mark.parametrize("compression", [*ALL, TopK(fraction=0.01), Quantize(bits=8)], ids=repr)
def test_what_is_left_out_is_bounded(compression: Compression) -> None:
    """E‖Q(x) − x‖² ≤ (1 − δ) ‖x‖², for vectors of all kinds; within 4 standard errors."""
    rng = np.random.default_rng(2)
    spikes = np.zeros(WIDE)
    spikes[3] = -2.0
    for x in (rng.normal(size=WIDE), rng.standard_cauchy(size=WIDE), np.ones(WIDE), spikes):
        many = np.tile(x, (2, 2000, 1))
        lost = ((told(compression, many) - many) ** 2).sum(axis=2) / (x @ x)
        bound = 1 - compression.delta(WIDE)
        assert lost.mean() <= bound + 4 * lost.std() / np.sqrt(lost.size) + 1e-14


@pytest.mark.parametrize("compression", [each for each in ALL if not isinstance(each, TopK)])
def test_it_is_unbiased_but_for_a_factor(compression: Compression) -> None:
    """Q(x)/δ, within 4.5 standard errors; 30 numbers each: false alarm 2e-4."""
    x = np.random.default_rng(3).normal(size=WIDE)
    found = told(compression, np.tile(x, (2, 5000, 1))) / compression.delta(WIDE)
    error = found.std(axis=(0, 1)) / np.sqrt(10_000)
    assert (abs(found.mean(axis=(0, 1)) - x) < 4.5 * error).all()


@pytest.mark.parametrize("compression", ALL, ids=repr)
def test_draws_are_of_seed_agent_trial_and_aggregation(compression: Compression) -> None:
    x = np.tile(np.random.default_rng(4).normal(size=WIDE), (2, 3, 1))
    found, again, next_one = (told(compression, x, number) for number in (1, 1, 2))
    np.testing.assert_array_equal(found, again)
    np.testing.assert_allclose(found, compressed(compression, 7)(x, 1), rtol=1e-13)
    drawn = not isinstance(compression, TopK)
    assert (found[0] != found[1]).any() == drawn
    assert (found[:, 0] != found[:, 1]).any() == drawn
    assert (found != next_one).any() == drawn


@pytest.mark.parametrize("d", [1, 2, 3, 300])
def test_places_are_told_apart_in_as_few_bits_as_that_takes(d: int) -> None:
    """The largest numbers are at the last places, in the last bits of a message."""
    x = np.arange(1.0, d + 1) * np.ones((3, 2, 1))
    k = max(1, round(0.4 * d))
    expected = np.where(np.arange(d) >= d - k, x, 0)
    np.testing.assert_array_equal(told(TopK(fraction=0.4), x), expected)


def test_of_equal_numbers_the_first_are_told_and_of_diverged_ones_those_that_did() -> None:
    x = np.ones((1, 2, 5))
    x[0, 1, 3:] = np.nan, np.inf
    found = told(TopK(fraction=0.4), x)
    np.testing.assert_array_equal(found[0], [[1, 1, 0, 0, 0], [0, 0, 0, np.nan, np.inf]])
    assert np.isnan(told(Quantize(), x)[0, 1]).all()


@pytest.mark.parametrize(
    ("compression", "theta", "numbers"),
    [
        (TopK(fraction=0.4), DOUBLE, SINGLE),
        (RandomK(fraction=0.4), SINGLE, SINGLE),
        (Quantize(), SINGLE, SINGLE),
    ],
    ids=repr,
)
def test_numbers_of_messages_are_in_single_precision(
    compression: Compression, theta: np.dtype[Any], numbers: np.dtype[Any]
) -> None:
    x = np.random.default_rng(5).normal(size=(2, 3, WIDE)).astype(theta)
    found = told(compression, x, dtype=numbers)
    assert found.dtype == theta
    np.testing.assert_allclose(found, told(compression, x.astype(DOUBLE)), rtol=1e-6)


BYTES = [
    (TopK(fraction=0.1), "double", 3 * 8 + 2),  # 3 places of 5 bits
    (TopK(fraction=0.1), "single", 3 * 4 + 2),
    (TopK(fraction=1.0), "double", 30 * 8 + 19),
    (RandomK(fraction=0.1), "double", 3 * 8),
    (Quantize(bits=4), "double", 8 + 15),
    (Quantize(bits=3), "single", 4 + 12),  # 90 bits
]


@pytest.mark.parametrize(("compression", "precision", "each"), BYTES, ids=repr)
def test_bytes_are_those_of_packed_messages(
    compression: Compression, precision: str, each: int
) -> None:
    """What is sent ``tests/mpi`` counts."""
    codec = Compressed(compression, WIDE, SINGLE if precision == "single" else DOUBLE)
    assert codec.row_bytes(7 * WIDE) == 7 * each


def test_bytes_are_those_that_are_foretold(tmp_path: Path) -> None:
    """A row goes from each of two agents of a rank to the other rank."""
    compression, _, each = BYTES[0]
    posed = problem(
        write_wide(tmp_path),
        "iid",
        communication=communication(compression),
        topology="ring",
        trials=3,
        steps=10,
    )
    network = Network(message=0.0, bandwidth=1.0)
    assert cost(posed, Layout.even(AGENTS, 2), network).exchange == pytest.approx(2 * 3 * each)


def write_wide(folder: Path) -> Path:
    """Points with 30 features."""
    x = np.random.default_rng(6).normal(size=(AGENTS * POINTS, WIDE))
    rows = [" ".join(f"{k + 1}:{v!r}" for k, v in enumerate(row)) for row in x.tolist()]
    path = folder / "wide.svm"
    path.write_text("".join(f"{(-1) ** i} {row}\n" for i, row in enumerate(rows)))
    return path


def test_trials_are_as_predicted(data: Path) -> None:
    """E‖θ_n − θ*‖² and the consensus error, within 4 standard errors (false alarm 6e-5 each)."""
    posed = problem(
        data,
        "srw",
        trials=300,
        steps=503,
        communication=communication(TopK(fraction=0.2)),
        topology="ring",
        step_size={"gamma": 1.0, "exponent": 0.8},
        record={"steps": [103]},
    )
    found = check_against_trials(posed)
    plain = predict(
        problem(data, "srw", steps=503, communication=communication(None), topology="ring"),
        LoneTeam(AGENTS),
        found.step,
    )
    assert (found.consensus_error > 2 * plain.consensus_error).all()


def test_a_run_goes_on_and_trials_join_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = "communication.compression={kind='random_k', fraction=0.2, consensus_step=0.3}"
    asked = ("--agents", "4", "--only", "all-srw", "--record", "iterates", "--set", settings)

    def run(output: str, steps: int, trials: int, *others: str) -> int:
        size = ("--steps", str(steps), "--trials", str(trials))
        return main(["run", *asked, *size, "--output", output, "--quiet", *others])

    assert run("whole.h5", 40, 3) == 0
    assert run("parts.h5", 17, 2, "--keep-checkpoints") == 0
    assert main(["extend", "parts.h5", "--steps", "40"]) == 0
    assert main(["extend", "parts.h5", "--trials", "+1"]) == 0
    whole, parts = (bits_of(tmp_path / f"{name}.h5") for name in ("whole", "parts"))
    assert {"all-srw/public", "all-srw/theta"} < set(whole)
    assert parts == whole


def test_what_to_change_is_said_where_iterates_diverge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--agents", "3", "--steps", "60", "--trials", "2", "--only", "all-srw")
    settings = ("communication.compression='top_k'", "step_size.gamma=1e9")
    assert main(["run", *asked, *(word for each in settings for word in ("--set", each))]) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "diverged" in line]
    assert "a smaller step_size.gamma or communication.compression.consensus_step, or" in error


SMALL = ("--agents", "3", "--steps", "20", "--trials", "2", "--only", "all-srw")
REFUSED = [
    (("{kind='top_k', fraction=0}",), r"communication.compression.fraction.*> 0"),
    (("{kind='random_k', fraction=1.5}",), r"communication.compression.fraction.*<= 1"),
    (("{kind='quantize', bits=0}",), r"communication.compression.bits.*>= 2"),
    (("{kind='quantize', bits=64}",), r"communication.compression.bits.*<= 16"),
    (("{kind='quantize', consensus_step=0}",), r"consensus_step.*> 0"),
    (("'topk'",), "unknown compression 'topk': did you mean 'top_k'"),
    (("'top_k'", "communication.kind='centralized'"), "got centralized: who mixes"),
    (("'top_k'", "communication.kind='one_peer_exponential'"), "got one_peer_exponential: who"),
    (("'top_k'", "communication.kind='random_matching'"), "got random_matching: who mixes"),
    (("'top_k'", "communication.kind='unreliable_links'"), "got unreliable_links: who mixes"),
    (("'top_k'", "activation='bernoulli'"), "got dsgd beside activation: who mixes"),
    (("'top_k'", "method='gradient_tracking'"), "got gradient_tracking, which is defined for"),
    (("'top_k'", "communication.weights='lazy'", "method='extra'"), "got extra, which is defined"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_can_not_be_compressed_is_refused(
    settings: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    compression, *others = settings
    pairs = [*others, f"communication.compression={compression}"]
    asked = [word for pair in pairs for word in ("--set", pair)]
    assert main(["run", *SMALL, *asked]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert re.search(message, error), error
    assert not (tmp_path / "udsgd.h5").exists()
