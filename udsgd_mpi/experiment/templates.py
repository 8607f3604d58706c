"""Experiments to start from, one for each situation."""

import tomllib
from pathlib import Path

from udsgd_mpi.experiment.package_folder import PackageFolder

_FOLDER = PackageFolder("templates", "situation")

names = _FOLDER.names


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
        self.text = _FOLDER.text(name)
        self.name = name
        self.purpose = self.text.partition("\n")[0].removeprefix("# ")

    @property
    def table(self) -> Path | None:
        """The file of data that it is written for, which lies beside it; None without one."""
        path = tomllib.loads(self.text).get("data", {}).get("path")
        return None if path is None else _FOLDER.path / path
