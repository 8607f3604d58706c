"""Every pattern runs with every sampler, with the same bits on any number of ranks."""

import json
from pathlib import Path

import pytest

from tests.launch import python

pytestmark = pytest.mark.launcher
ROOT = Path(__file__).parent.parent
STEPS = 60  # more than an epoch of 40 points


def digests(ranks: int | None, every: int = 1) -> dict[str, str]:
    done = python("-m", "tests.every_pair", STEPS, every, ranks=ranks, cwd=ROOT, timeout=200)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def alone() -> dict[str, str]:
    found = digests(None)
    assert len(found) == 14 * 10
    assert len(set(found.values())) == len(found)
    return found


def test_same_bits_on_three_ranks(alone: dict[str, str]) -> None:
    some = digests(3, every=5)
    assert some.items() <= alone.items()
    patterns, samplers = (set(names) for names in zip(*map(str.split, some), strict=True))
    assert (len(patterns), len(samplers)) == (14, 10)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [3, 5])
def test_all_have_the_same_bits_on_any_number_of_ranks(ranks: int, alone: dict[str, str]) -> None:
    assert digests(ranks) == alone
