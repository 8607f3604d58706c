"""What is specific to a cluster, written down once in ``sites.toml``."""

import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.input_file import content_of
from udsgd_mpi.support.users_folders import settings_root

LAUNCHERS = ("srun", "mpirun")
_DEFAULT = "default"


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a cluster.

    Parameters
    ----------
    modules
        What ``module load`` loads before anything else.
    account, partition
        Of sbatch.
    launcher
        What starts the ranks.
    mpi
        What srun gets as ``--mpi``; by default what fits mpi4py's library.
    directives
        Further options of sbatch, such as ``"--constraint=ib"``.
    """

    modules: list[str] = []
    account: str | None = None
    partition: str | None = None
    launcher: str = "srun"
    mpi: str | None = None
    directives: list[str] = []

    def __post_init__(self) -> None:
        if self.launcher not in LAUNCHERS:
            raise ValueError(f"expected launcher srun or mpirun, got {self.launcher!r}")


def read_site(name: str | None) -> Site:
    """A table of the user's ``sites.toml``, or a file that holds one profile.

    Parameters
    ----------
    name
        Name of the table, or a file that ends in ``.toml``; None: the table ``default``, if there
        is one.

    Raises
    ------
    ConfigurationError
        If there is no such profile, or a key or value is wrong.
    """
    if name is not None and name.endswith(".toml"):
        return _checked(_read(Path(name)), name)
    file = _sites()
    if file is None:
        if name is None:
            return Site()
        raise ConfigurationError(
            f"--site {name}: expected a home directory with .config/udsgd/sites.toml, got none; set"
            " XDG_CONFIG_HOME, or name a FILE.toml"
        )
    if name is None and not file.exists():
        return Site()
    sites = _read(file)
    if name is not None and name not in sites:
        raise ConfigurationError(f"{file}: unknown site {name!r}: {nearest(name, sites)}")
    return _checked(sites.get(name or _DEFAULT, {}), f"{file}: {name or _DEFAULT}")


def _sites() -> Path | None:
    root = settings_root()
    return root and root / "udsgd" / "sites.toml"


def _read(file: Path) -> dict[str, Any]:
    content = content_of(file, f"site file {file}")
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"site file {file}: expected TOML; {error}") from error


def _checked(raw: Any, where: str) -> Site:
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{where}: expected a table, got {raw!r}")
    site: Site = one_of(Site, raw, where)
    return site
