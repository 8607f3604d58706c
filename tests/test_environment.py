"""environment.yml names the dependencies of pyproject.toml, at the same versions."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"matplotlib": "matplotlib-base", "torch": "pytorch"}
CONDA_ALONE = {"python", "pip"}
EITHER_RUNTIME = "openmpi"


@pytest.fixture(scope="module")
def conda() -> dict[str, str]:
    lines = (ROOT / "environment.yml").read_text().partition("dependencies:")[2].splitlines()
    found = [re.fullmatch(r"  - ([a-z0-9-]+)(>=[\d.]+)?", line) for line in lines]
    return {match[1]: match[2] or "" for match in found if match}


def test_the_two_lists_agree(conda: dict[str, str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(r for name in extras for r in extras[name])]
    pip = dict(re.fullmatch(r"([a-z0-9-]+)(.*)", requirement).groups() for requirement in listed)
    assert conda["python"] == project["requires-python"]
    assert {CONDA_NAMES.get(name, name): version for name, version in pip.items()} == {
        name: version for name, version in conda.items() if name not in CONDA_ALONE
    } | {EITHER_RUNTIME: pip[EITHER_RUNTIME]}
