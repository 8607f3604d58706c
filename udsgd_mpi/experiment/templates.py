"""Experiments to start from, one for each situation."""

import tomllib
from pathlib import Path

from udsgd_mpi.support.errors import ConfigurationError, nearest

_FOLDER = Path(__file__).parent.parent / "templates"


def names() -> list[str]:
    """Names of the situations, ascending."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


class Template:
    """An experiment file for one situation, with comments that say what to change.

    Attributes
    ----------
    name
        The situation.
    text
        The file.
    purpose
        The question that it opens with.

    Raises
    ------
    ConfigurationError
        If there is none of this name.
    """

    def __init__(self, name: str) -> None:
        if name not in names():
            raise ConfigurationError(f"unknown situation {name!r}: {nearest(name, names())}")
        self.name = name
        self.text = (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        self.purpose = self.text.partition("\n")[0].removeprefix("# ")

    @property
    def table(self) -> Path | None:
        """The file of data that it is written for, which lies beside it; None without one."""
        path = tomllib.loads(self.text).get("data", {}).get("path")
        return None if path is None else _FOLDER / path
