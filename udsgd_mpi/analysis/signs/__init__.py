"""Signs of trouble in result files: what goes wrong, by which agents, and what to do.

To add one, write its function in a file of its own and name it in ``SIGNS``.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from udsgd_mpi.analysis.signs.divergence import divergence
from udsgd_mpi.analysis.signs.evidence import Evidence, Trouble
from udsgd_mpi.analysis.signs.exchanges import exchanges
from udsgd_mpi.analysis.signs.floor import floor
from udsgd_mpi.analysis.signs.speed_up import speed_up
from udsgd_mpi.storage.read import read_experiments, read_measures
from udsgd_mpi.storage.telemetry_group import read_telemetry

Sign: TypeAlias = Callable[[Evidence], Trouble | None]

SIGNS: tuple[Sign, ...] = (divergence, floor, exchanges, speed_up)


def troubles(of: Evidence) -> list[Trouble]:
    """What signs there are in a variant."""
    found = [sign(of) for sign in SIGNS]
    return [each for each in found if each is not None]


def signs_of_trouble(results: Path) -> dict[str, list[Trouble]]:
    """The signs in each variant of a result file.

    Raises
    ------
    ConfigurationError
        If it can't be read.
    """
    experiments, telemetry = read_experiments(results), read_telemetry(results)
    return {
        name: troubles(Evidence(measured, experiments[name], telemetry.get(name, ())))
        for name, measured in read_measures(results).items()
    }


def in_words(found: Mapping[str, list[Trouble]]) -> list[str]:
    """A paragraph for each sign, after its variant."""
    return [f"{name}: sign of trouble: {each}" for name, those in found.items() for each in those]


__all__ = ["SIGNS", "Evidence", "Sign", "Trouble", "in_words", "signs_of_trouble", "troubles"]
