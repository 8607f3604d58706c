"""Experiment files that come with the package, each known by a name."""

from pathlib import Path

from udsgd_mpi.support.errors import ConfigurationError, nearest


class PackageFolder:
    """A folder of the package with experiment files.

    Parameters
    ----------
    name
        Of the folder.
    what
        What each file is, in messages.

    Attributes
    ----------
    path
        Of the folder.
    """

    def __init__(self, name: str, what: str) -> None:
        self.path = Path(__file__).parent.parent / name
        self._what = what

    def names(self) -> list[str]:
        """Names of all files, ascending."""
        return sorted(path.stem for path in self.path.glob("*.toml"))

    def require(self, name: str, otherwise: str = "") -> None:
        """Refuse a name that no file has.

        Parameters
        ----------
        otherwise
            What else would do, in the message.

        Raises
        ------
        ConfigurationError
            Says what was perhaps meant.
        """
        if name not in self.names():
            raise ConfigurationError(
                f"unknown {self._what} {name!r}: {nearest(name, self.names())}{otherwise}"
            )

    def text(self, name: str) -> str:
        """The file of a name.

        Raises
        ------
        ConfigurationError
            If there is none.
        """
        self.require(name)
        return (self.path / f"{name}.toml").read_text(encoding="utf-8")
