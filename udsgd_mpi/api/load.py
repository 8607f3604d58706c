"""Experiments from files, names and dictionaries."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.experiment.shipped import Size

Source: TypeAlias = "str | PathLike[str] | Mapping[str, Any] | None"


def load(
    source: Source = None, settings: Mapping[str, Any] | None = None, *, size: "Size" = "full"
) -> dict[str, "Experiment"]:
    """The experiments of a file, of a shipped name or of a dictionary.

    An experiment is a frozen structure of typed settings. ``copy.replace`` (from Python 3.13 on) or
    ``msgspec.structs.replace`` makes another one, and ``run`` takes any dictionary of them.

    Parameters
    ----------
    source
        Path of a TOML file; or the name of an experiment that ships with the package, such as
        ``"fig2a"``, unless there is a file of that name; or settings as such a file has them. By
        default the experiment that the command line runs without a file.
    settings
        Laid over every variant, as ``--set`` does, by dotted keys.
    size
        Of a shipped experiment: ``"quick"`` takes half a minute, and ``"middle"``, which those of
        networks have, some two hours on two cores.

    Returns
    -------
    Experiments by the names of their variants, ``"main"`` where there are none.

    Raises
    ------
    ConfigurationError
        If the file or a setting is wrong.

    Examples
    --------
    >>> experiments = load("fig2a", {"trials": 12, "topology": "ring"}, size="quick")
    >>> walk = {"share": 1.0, "sampler": "srw", "graph": "small_world"}
    >>> load({"agents": 4, "groups": {"walkers": walk}})["main"].groups["walkers"].sampler
    SRW()
    """
    from udsgd_mpi.experiment.dotted import laid_together
    from udsgd_mpi.experiment.read import read_experiment, variants
    from udsgd_mpi.experiment.shipped import Shipped, name_of

    over = laid_together(settings or {})
    name = name_of(source) if isinstance(source, str) else None
    if name is not None:
        return Shipped(name).variants(over, size=size)
    if size != "full":
        raise ConfigurationError(
            f"size: expected the name of an experiment that ships with the package, got {source!r}"
        )
    if source is None or isinstance(source, Mapping):
        raw = read_experiment(None) if source is None else source
        return variants(raw, over)
    file = Path(source)
    return variants(read_experiment(file), over, file.parent)
