"""Well-known tables by name: fetched once and cached, or taken from a user's folder."""

from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.data.archive import Remote, fetch
from udsgd_mpi.support.errors import ConfigurationError


class TableSet(NamedTuple):
    """Files of a set of tables.

    Attributes
    ----------
    files
        One with a column of agents, or one for each agent.
    names
        Names of the columns, where files do not begin with them.
    """

    files: tuple[Remote, ...]
    names: tuple[str, ...] | None = None

    def fetch(self) -> Path:
        """The file, or the folder that holds the files of all agents.

        Raises
        ------
        ConfigurationError
            If one is not here and can't be downloaded.
        """
        found = [fetch(remote) for remote in self.files]
        if len(found) == 1:
            return found[0]
        folders = {file.parent for file in found}
        if len(folders) > 1:
            raise ConfigurationError(
                f"{self.files[0].name}: expected it in one folder with the files of the other"
                f" agents, got them in {len(folders)}; put all of them into one"
            )
        return folders.pop()


TABLES: dict[str, TableSet] = {}
