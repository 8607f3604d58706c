"""environment.yml and the known-good versions name the dependencies of pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from udsgd_mpi import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"matplotlib": "matplotlib-base", "torch": "pytorch"}
CONDA_ALONE = {"python", "pip"}
EITHER_RUNTIME = "openmpi"


@pytest.fixture(scope="module")
def conda() -> dict[str, str]:
    lines = (ROOT / "environment.yml").read_text().partition("dependencies:")[2].splitlines()
    found = [re.fullmatch(r"  - ([a-z0-9-]+)(>=[\d.]+(?:,<[\d.]+)?)?", line) for line in lines]
    return {match[1]: match[2] or "" for match in found if match}


@pytest.fixture(scope="module")
def pip() -> dict[str, str]:
    extras = PROJECT["optional-dependencies"]
    listed = [*PROJECT["dependencies"], *(r for name in extras for r in extras[name])]
    return dict(re.fullmatch(r"([a-z0-9-]+)(.*)", requirement).groups() for requirement in listed)


def test_the_two_lists_agree(conda: dict[str, str], pip: dict[str, str]) -> None:
    assert conda["python"] == PROJECT["requires-python"]
    assert {CONDA_NAMES.get(name, name): version for name, version in pip.items()} == {
        name: version for name, version in conda.items() if name not in CONDA_ALONE
    } | {EITHER_RUNTIME: pip[EITHER_RUNTIME]}


def test_a_version_of_each_is_known_to_be_good(pip: dict[str, str]) -> None:
    lines = (ROOT / ".ci/constraints.txt").read_text().splitlines()[1:]
    known = dict(line.split("==") for line in lines)
    assert [*known] == sorted(known)
    assert known.keys() - {"llvmlite"} == pip.keys()  # numba names its own llvmlite
    assert all(SpecifierSet(pip[name]).contains(known[name]) for name in pip)


def test_numba_is_bounded_as_its_private_parts_are_used(pip: dict[str, str]) -> None:
    users = [
        path
        for path in (ROOT / "udsgd_mpi").rglob("*.py")
        if re.search(r"^\s*(from|import) (numba\.core|llvmlite)", path.read_text(), re.MULTILINE)
    ]
    assert {path.parent.name for path in users} == {"kernels"}
    assert "<" in pip["numba"]


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
