"""Every pattern runs with every sampler, with the same bits on any number of ranks."""

import json
from pathlib import Path

import pytest

from tests.launch import python

pytestmark = pytest.mark.launcher
ROOT = Path(__file__).parent.parent
STEPS = 60  # more than an epoch of 40 points


def digests(ranks: int | None) -> dict[str, str]:
    done = python("-m", "tests.every_pair", STEPS, ranks=ranks, cwd=ROOT, timeout=200)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_same_bits_on_one_three_and_five_ranks() -> None:
    alone = digests(None)
    assert len(alone) == 14 * 10
    assert len(set(alone.values())) == len(alone)
    assert digests(3) == alone
    assert digests(5) == alone
