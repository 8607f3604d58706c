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

_STATIONS = {
    "Aotizhongxin": "a94fbcfc71708b6ffdc033360163d91efb7f675e496f6b5860929aa96b96351b",
    "Changping": "a2e21402a6d95fb7043f87959e6e3dcbecb957aac356a6f8028a85b047c772e7",
    "Dingling": "3d8dff81f18a80d9f455876a785642bffe1e9b9924ec1e6b7ce8cca790432eeb",
    "Dongsi": "9c0020214425e5ee2a64d42f97a1f632e1d8f6b53ad50edd85a686cc7999f27e",
    "Guanyuan": "59390fee3b032597b387491f5230e7edb90a8558e30217ebd6d9befbe669fbf9",
    "Gucheng": "10ae48801ea55869fee56a48b885fb1127859c130551888d71673f34216ba951",
    "Huairou": "812dcbe848b3ba2c2d25731064797bff803c46eb0c602156a1fa044df136dc26",
    "Nongzhanguan": "572cf87b65ef543cd55d3a711b28474def224a46b0ec3fc8add8aaf13b67a487",
    "Shunyi": "520b59e4ead3b0cfe7f1ed673e30275de8441e999db6f413d5172d2277b8c15a",
    "Tiantan": "0743e34799cf1ee36195b73321b91baa5625276532e7263c588f68cdef3b4daa",
    "Wanliu": "0b1a6d754a07f0def2f55434ddfa3870dcd0063b7f766a6f66b6c11bb05a377a",
    "Wanshouxigong": "ab1d6a356d6997a45f6d657ad47de1e05a4a08d4a7015b38a329a90665ab74d0",
}


def _of_station(name: str, digest: str) -> Remote:
    file = f"PRSA_Data_{name}_20130301-20170228.csv"
    return Remote(
        file,
        f"{_UCI}00501/",
        digest,
        group="beijing_air",
        archive="PRSA2017_Data_20130301-20170228.zip",
        member=f"PRSA_Data_20130301-20170228/{file}",
    )


TABLES = {
    "beijing_air": TableSet(
        tuple(_of_station(name, digest) for name, digest in _STATIONS.items()),
    ),
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
"""Beijing multi-site air quality: Zhang et al., Proceedings of the Royal Society A 473, 2017;
twelve stations, hour by hour. Heart disease: Janosi, Steinbrunn, Pfisterer and Detrano, UCI 1988;
four hospitals. Parkinson's telemonitoring: Tsanas, Little, McSharry and Ramig, 2009; 42 patients,
``subject#``. All CC BY 4.0.
"""
