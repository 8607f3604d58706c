"""What is slow to import is imported where it is needed; who may import what is in pyproject."""

import subprocess
import sys


def loaded(modules: list[str]) -> set[str]:
    code = f"import sys\nfor m in {modules!r}: __import__(m)\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return set(done.stdout.split())


def test_the_command_line_alone_loads_nothing_heavy() -> None:
    found = loaded(["udsgd_mpi.cli.main", "udsgd_mpi.cli.arguments"])
    assert not {"numpy", "numba", "mpi4py", "h5py", "msgspec"} & found


def test_forecasts_load_neither_mpi_nor_results_nor_figures() -> None:
    found = loaded(["udsgd_mpi.preflight.dry_run", "udsgd_mpi.forecast.upgrades"])
    assert not {"mpi4py", "h5py", "matplotlib"} & found


def test_settings_of_networks_load_no_pytorch() -> None:
    found = loaded(["udsgd_mpi.objectives.network", "udsgd_mpi.parallel.job"])
    assert "msgspec" in found
    assert "torch" not in found
