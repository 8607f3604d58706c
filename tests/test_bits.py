"""The same run gives the same bits on any number of ranks and under both MPI libraries."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.launch import python, udsgd
from udsgd_mpi.testing.bits import bits_of

pytestmark = pytest.mark.launcher

TIMING = "timing={compute={kind='pareto', mean=0.1}, latency=0.01, bandwidth=1e5}"
# Half-steps are long enough for ranks to read them in shared memory.
ARGUMENTS = (
    *("--agents", 5, "--steps", 100, "--trials", 20, "--record", "iterates"),
    *("--only", "some-srrw", "--set", TIMING, "--quiet"),
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The run without a launcher, for which numerical libraries would like two threads."""
    folder = tmp_path_factory.mktemp("alone")
    done = udsgd(*ARGUMENTS, cwd=folder, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
    assert done.returncode == 0, done.stderr
    found = bits_of(folder / "udsgd.h5")
    assert len(found) == 31
    return found


@pytest.mark.parametrize("ranks", [1, 2, 5])
def test_number_of_ranks_does_not_matter(
    ranks: int, alone: dict[str, bytes], tmp_path: Path
) -> None:
    done = udsgd(*ARGUMENTS, ranks=ranks, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert bits_of(tmp_path / "udsgd.h5") == alone


def on_one_and_three_ranks(setting: str, folder: Path) -> list[dict[str, bytes]]:
    """What a run with another setting gives, without its predictions."""
    files = []
    settings = ("--set", setting, "--set", "record.predict=false")
    for ranks in (None, 3):
        name = f"{ranks}.h5"
        done = udsgd(*ARGUMENTS, *settings, "--output", name, ranks=ranks, cwd=folder)
        assert done.returncode == 0, done.stderr
        files.append(bits_of(folder / name))
    return files


def test_average_pattern_does_not_depend_on_ranks(tmp_path: Path) -> None:
    one, three = on_one_and_three_ranks("communication.kind=centralized", tmp_path)
    assert one == three


def test_single_precision_halves_the_bytes_and_hardly_moves_iterates(
    alone: dict[str, bytes], tmp_path: Path
) -> None:
    single, three = on_one_and_three_ranks("communication.precision=single", tmp_path)
    assert single == three
    sent = [np.frombuffer(run["some-srrw/bytes_exchanged"], np.int64) for run in (alone, single)]
    np.testing.assert_array_equal(sent[0], 2 * sent[1])
    theta = [np.frombuffer(run["some-srrw/theta_mean"]) for run in (alone, single)]
    assert 0 < np.abs(theta[0] - theta[1]).max() < 1e-6


def test_another_seed_gives_other_bits(alone: dict[str, bytes], tmp_path: Path) -> None:
    done = udsgd(*ARGUMENTS, "--seed", 2, "--set", "record.predict=false", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert bits_of(tmp_path / "udsgd.h5")["some-srrw/theta_mean"] != alone["some-srrw/theta_mean"]


def test_mpi_library_does_not_matter(alone: dict[str, bytes], tmp_path: Path) -> None:
    other = os.environ.get("UDSGD_OTHER_PYTHON")
    if not other:
        pytest.skip("UDSGD_OTHER_PYTHON names no environment with the other MPI library")
    code = "from mpi4py import MPI; print(MPI.get_vendor()[0])"
    vendors = {
        run.stdout
        for run in (
            python("-c", code, cwd=tmp_path),
            python("-c", code, cwd=tmp_path, interpreter=other),
        )
    }
    assert len(vendors) == 2
    done = udsgd(*ARGUMENTS, ranks=3, cwd=tmp_path, interpreter=other)
    assert done.returncode == 0, done.stderr
    assert bits_of(tmp_path / "udsgd.h5") == alone
