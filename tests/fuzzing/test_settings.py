"""However an experiment is mangled, it is planned or refused in one message, and soon."""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from udsgd_mpi.cli.main import main
from udsgd_mpi.support.errors import ExitCode

SECONDS = 30

WALK = {"share": 0.5, "sampler": {"kind": "srrw", "alpha": 2.0, "b": 0.8}, "graph": "small_world"}
VALID: dict[str, Any] = {
    "title": "valid",
    "agents": 4,
    "steps": 100,
    "trials": 3,
    "first_trial": 0,
    "seed": 1,
    "output": "x.h5",
    "weight": "unbiased",
    "data": {"source": "breast_cancer", "standardize": True},
    "partition": {"kind": "dirichlet", "alpha": 0.5, "minimum": 8},
    "objective": {"kind": "logistic", "l2": 1.0},
    "step_size": {"gamma": 1.0, "exponent": 1.0},
    "topology": {"kind": "small_world", "k": 2, "p": 0.5},
    "communication": {"kind": "hlsgd", "clusters": ["0-1", "2-3"], "inner": 1, "outer": 5},
    "groups": {
        "walkers": WALK,
        "rest": {"share": 0.5, "sampler": "iid", "batch": 2},
    },
    "timing": {
        "compute": {"kind": "pareto", "mean": 0.1, "shape": 1.5},
        "latency": 0.01,
        "bandwidth": 1e6,
        "stragglers": "1, 2-3",
        "slowdown": 3.0,
    },
    "record": {"per_decade": 5, "polyak": False, "detail": "average"},
    "variant": {"one": {}, "two": {"communication": "centralized", "record": {"points": 4}}},
}
WORDS = [
    *("", "srw", "iid", "nbrw", "hdt", "mhrw", "reshuffling", "single_shuffling"),
    *("dsgd", "lsgd_pp", "drop_out", "random_matching", "dsgd_vt", "one_peer_exponential"),
    *("ring", "torus", "clustered", "random_regular", "erdos_renyi", "barbell", "snowball"),
    *("ridge", "softmax", "quadratic", "custom", "even", "unequal", "shared", "by_label"),
    *("log", "loglog", "literal", "none", "single", "iterates", "digits", "constant"),
    *("5-1", "0-999999999", "0-1,1-2", "a\nb", "a\x00b", "\x1b[31m", "*", "..", "/", "~", "é—π"),
    *("{agent}", "{agent:02d}", "{agent!r}", "x" * 300, "y" * 200_000, "mine:Class", "a.h5/b.h5"),
]
NUMBERS = [
    *(0, 1, -1, 2, 3, 7, 100, 10**6, 10**9, 2**31 - 1, 2**31, 2**63 - 1, 2**64, -(2**63), 10**30),
    *(0.0, -0.0, 0.5, 1.0, 0.999, 1e-308, 1e308, -1e308, float("nan"), float("inf"), 5e-324),
]


def value(rng: random.Random, depth: int = 0) -> Any:
    """Anything that TOML can say."""
    kind = rng.randrange(8 if depth < 2 else 5)
    if kind < 3:
        return rng.choice(WORDS)
    if kind < 5:
        return rng.choice([*NUMBERS, True, False])
    if kind < 7:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    keys = ["kind", *rng.choices(["path", "alpha", "k", "share", "agents", "x y", ""], k=2)]
    return {key: value(rng, depth + 1) for key in keys}


def like(before: Any, rng: random.Random) -> Any:
    """Something of the same type, as a user may well write it."""
    if isinstance(before, bool) or not isinstance(before, int | float):
        return rng.choice(["iid", "centralized", "one_peer_exponential", "complete", "ring", True])
    numbers = (
        [1, 2, 3, 7, 100, 10**6] if isinstance(before, int) else [0.0, 0.1, 0.6, 1.0, 2.5, 1e9]
    )
    return rng.choice(numbers)


def places(settings: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every table with each of its keys."""
    for key, below in settings.items():
        yield settings, key
        if isinstance(below, dict):
            yield from places(below)


def mangled(seed: int) -> dict[str, Any]:
    """The valid settings with one to three changes: another value, none, or another key."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    settings = deepcopy(VALID)
    for _ in range(rng.choice([1, 1, 2, 3])):
        table, key = rng.choice(list(places(settings)))
        change = rng.randrange(10)
        if change < 4:
            table[key] = like(table[key], rng)
        elif change < 7:
            table[key] = value(rng)
        elif change < 8:
            del table[key]
        else:
            table[rng.choice([*WORDS[:20], f"{key}s"])] = value(rng)
    return settings


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail where something takes longer."""

    def late(*_: object) -> None:
        message = f"no answer in {seconds} s"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "seeds",
    [range(60), pytest.param(range(60, 600), marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
)
def test_a_plan_or_one_message(
    seeds: range,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = []
    for seed in seeds:
        text = tomli_w.dumps(mangled(seed))
        Path("x.toml").write_text(text, encoding="utf-8")
        with within(SECONDS):
            code = main(["run", "x.toml", "--dry-run", "--ranks", "2"])
        said = capsys.readouterr()
        assert code in (ExitCode.DONE, ExitCode.USAGE), f"seed {seed}: {text}"
        if code == ExitCode.USAGE:
            assert said.err.startswith("udsgd: error: "), f"seed {seed}"
            assert len(said.err) < 3000, f"seed {seed}"
        assert [path.name for path in tmp_path.iterdir()] == ["x.toml"], f"seed {seed}"
        codes.append(code)
    assert 0.1 < codes.count(ExitCode.DONE) / len(codes) < 0.9


def test_the_settings_that_are_mangled_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(tomli_w.dumps(VALID), encoding="utf-8")
    assert main(["run", "x.toml", "--dry-run"]) == ExitCode.DONE, capsys.readouterr().err
