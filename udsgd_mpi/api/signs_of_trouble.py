"""Signs of trouble from Python."""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from udsgd_mpi.analysis.signs import Trouble


def signs_of_trouble(path: str | PathLike[str]) -> dict[str, list["Trouble"]]:
    """What goes wrong in the variants of a result file, by which agents, and what to do.

    Parameters
    ----------
    path
        A file that ``udsgd run`` or ``run`` wrote, complete or not.

    Returns
    -------
    Those of each variant; each has a ``sign``, ``agents``, ``text``, a ``remedy`` and ``numbers``.

    Raises
    ------
    ConfigurationError
        If it can't be read, or holds no variant yet.

    Examples
    --------
    >>> for each in signs_of_trouble("udsgd.h5")["all-srw"]:
    ...     print(each.agents, each.text, each.remedy)
    """
    from pathlib import Path

    from udsgd_mpi.analysis.results import Results

    return Results.of(Path(path)).troubles
