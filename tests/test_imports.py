"""Mathematics never imports MPI, HDF5 or the command line; storage and the like never MPI."""

import subprocess
import sys
from pathlib import Path

import pytest

import udsgd_mpi

PACKAGE = Path(udsgd_mpi.__file__).parent
MODULES = sorted(
    ".".join(["udsgd_mpi", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(
        ".__init__"
    )
    for path in PACKAGE.rglob("*.py")
)
OUTER = ("parallel", "storage", "analysis", "cluster", "cli", "__main__")


def layer(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def loaded(modules: list[str]) -> set[str]:
    code = f"import sys\nfor m in {modules!r}: __import__(m)\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return set(done.stdout.split())


def test_mathematics_loads_no_outer_layer() -> None:
    inner = [module for module in MODULES if layer(module) not in OUTER]
    assert len(inner) > 20
    found = loaded(inner)
    assert not {"mpi4py", "h5py", "argparse", "matplotlib"} & found - {"argparse"}
    assert not {module for module in found if module.startswith("udsgd") and layer(module) in OUTER}


@pytest.mark.parametrize("outer", ["storage", "analysis", "cluster"])
def test_storage_analysis_and_cluster_do_not_load_mpi(outer: str) -> None:
    found = loaded([module for module in MODULES if layer(module) == outer])
    assert "mpi4py" not in found
    assert "udsgd_mpi.cli.main" not in found


def test_the_command_line_alone_loads_nothing_heavy() -> None:
    found = loaded(["udsgd_mpi.cli.main", "udsgd_mpi.cli.arguments"])
    assert not {"numpy", "numba", "mpi4py", "h5py", "msgspec"} & found
