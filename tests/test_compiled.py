"""Kernels are compiled once, into the cache folder and no other, whatever threads ask for them."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from numba import config

import udsgd_mpi
from tests.launch import python
from udsgd_mpi.kernels.cache import cache_folder
from udsgd_mpi.kernels.compiled import Kernel, compile_share


def test_threads_that_compile_at_once_have_the_cache_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, str]] = []
    both = threading.Barrier(2)

    def slow_njit(*_: Any, **__: Any) -> Callable[[Any], Any]:
        before = config.CACHE_DIR
        time.sleep(0.05)
        seen.append((before, config.CACHE_DIR))
        return lambda function: function

    def compiled(kernel: "Kernel[[], int]") -> int:
        both.wait(10)
        return kernel()

    monkeypatch.setattr("udsgd_mpi.kernels.compiled.njit", slow_njit)
    monkeypatch.setattr(Kernel, "all", [])
    monkeypatch.setattr(config, "CACHE_DIR", "")
    kernels = [Kernel(lambda: 1, "int64()"), Kernel(lambda: 2, "int64()")]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(compiled, kernels)) == [1, 2]
    assert seen == [(str(cache_folder()), str(cache_folder()))] * 2
    assert config.CACHE_DIR == ""


def one() -> int:
    return 1


def two() -> int:
    return 2


@pytest.mark.parametrize("shares", [1, 2, 3])
def test_shares_are_all_kernels_and_split_no_function(
    shares: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels of one function are in one file of the cache, which two would write at once."""
    monkeypatch.setattr(Kernel, "all", [])
    for function in (one, two, one, test_shares_are_all_kernels_and_split_no_function, two):
        Kernel(function, "int64()")
    compiled: list[Kernel[..., Any]] = []

    def compile_(kernel: Kernel[..., Any]) -> None:
        compiled.append(kernel)

    monkeypatch.setattr(Kernel, "compile", compile_)
    seen: list[int] = []
    functions = []
    for share in range(shares):
        before = len(compiled)
        compile_share(share, shares, lambda: seen.append(len(compiled)))
        functions.append({each.__name__ for each in compiled[before:]})
    assert sorted(map(id, compiled)) == sorted(map(id, Kernel.all))
    assert seen == [1, 2, 3, 4, 5]
    assert sum(map(len, functions)) == 3
    assert all(functions)


def test_installations_of_the_same_sources_share_a_cache(tmp_path: Path) -> None:
    """For one processor; and what has changed is compiled anew, into a folder of its own."""
    code = "from udsgd_mpi.kernels.rounding import restore; restore.compile()"

    def cached(folder: Path, **variables: str) -> set[Path]:
        variables = {"NUMBA_CACHE_DIR": "", **variables, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        done = python("-c", code, cwd=folder, PYTHONPATH=str(folder), **variables)
        assert done.returncode == 0, done.stderr
        return set((tmp_path / "cache").rglob("*.nb?"))

    package = Path(udsgd_mpi.__file__).parent
    here = cached(package.parent)
    copy = tmp_path / "elsewhere/udsgd_mpi"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert len(here) == 2
    assert cached(copy.parent) == here
    there = cached(copy.parent, NUMBA_CPU_NAME="generic")
    assert len(there) == 4
    with (copy / "kernels/rounding.py").open("a") as file:
        file.write("# changed\n")
    assert len(changed := cached(copy.parent)) == 6
    users = {"NUMBA_CACHE_DIR": str(tmp_path / "cache/of the user")}
    both = cached(copy.parent, **users) | cached(package.parent, **users)
    assert len(both - changed) == 4
    assert cached(copy.parent, **users) == both  # neither takes the place of the other
