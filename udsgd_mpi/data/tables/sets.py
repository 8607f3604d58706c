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


_UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/"

_HOSPITALS = {
    "cleveland": "a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8",
    "hungarian": "d1ad108f785768cd3d7e82dc522e6f5a61eea93cccfb3a46ee8076f73fc3d796",
    "switzerland": "834a405ccf5b66ab4056bb77794adc8df0b7125186454c0a1d002d33c6c3b314",
    "va": "e7c93d8d0d2acdadfa4c5e8de768e2191e7f618b952e29623f1f0d5949ff6b8f",
}
_OF_PATIENTS = (
    *("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak"),
    *("slope", "ca", "thal", "num"),
)

TABLES = {
    "heart_disease": TableSet(
        tuple(
            Remote(f"processed.{name}.data", f"{_UCI}heart-disease/", digest, group="heart_disease")
            for name, digest in _HOSPITALS.items()
        ),
        _OF_PATIENTS,
    ),
    "parkinsons": TableSet(
        (
            Remote(
                "parkinsons_updrs.data",
                f"{_UCI}parkinsons/telemonitoring/",
                "f2c7d5025dec4e92e7feae367a5f7ccf58789a10ac6b54bdf15976c599f9dd39",
                group="parkinsons",
            ),
        )
    ),
}
"""Heart disease: Janosi, Steinbrunn, Pfisterer and Detrano, UCI 1988; four hospitals. Parkinson's
telemonitoring: Tsanas, Little, McSharry and Ramig, 2009; 42 patients, ``subject#``. Both CC BY 4.0.
"""
