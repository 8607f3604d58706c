"""Tables whose rows belong to agents, and the rules that make points of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from udsgd_mpi.data.tables import parquet
from udsgd_mpi.data.tables.cells import Cells, read_cells, require_column
from udsgd_mpi.data.tables.sets import TABLES
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import is_of_agents, names_file, of_agent
from udsgd_mpi.support.input_file import PACKED_SUFFIXES, FileVersion
from udsgd_mpi.support.natural_order import natural_order

_SUFFIXES = (".csv", ".data", ".dat", ".tsv", ".txt", parquet.SUFFIX)
_MARKS = ("", "?", "NA", "N/A", "NaN", "nan", "null")

Name = Annotated[str, Meta(min_length=1)]


class TableReader(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="table"):
    """CSV (also ``.gz``, ``.bz2``, ``.xz``) or Parquet whose rows belong to agents that exist.

    The agents are those in the data, in natural order of their names, and N is their number. Each
    rank keeps the rows of the agents that it hosts; only sums, counts and categories are known to
    all. Rows stay in the order of the file.

    Features are the numeric columns, then a column of 0 and 1 for each category of each
    categorical one, then a 1 for the intercept. Means, variances and categories are those of all
    rows of all agents, as of scikit-learn's SimpleImputer, StandardScaler and OneHotEncoder.

    Parameters
    ----------
    path
        A file with a column of agents' names, a folder with a file for each agent, a file for each
        agent with ``{agent}`` in place of its number, or the name of a well-known set.
    label
        The column that is to be explained: numbers, or categories if ``categorical`` names it.
    agent
        The column with agents' names, where one file holds them all.
    names
        Names of the columns, where files do not begin with them.
    separator
        What stands between two cells.
    columns
        Columns to use; by default all but label and agent.
    drop
        Columns to leave out.
    categorical
        Columns whose values are categories.
    missing
        Rows with a missing value: ``"error"`` refuses them, ``"drop"`` leaves them out, ``"mean"``
        puts the column's mean in its place, and for a categorical one a category of its own, but
        leaves out rows without a label.
    marks
        Cells that stand for a missing value.
    above
        Labels above it become 1, all others 0.
    intercept
        Whether the last feature is a 1, never standardised.
    """

    path: Annotated[str, names_file(TABLES, or_folder=True)]
    label: Name
    agent: Name | None = None
    names: Annotated[list[Name], Meta(min_length=1)] | None = None
    separator: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    columns: Annotated[list[Name], Meta(min_length=1)] | None = None
    drop: list[Name] = []
    categorical: list[Name] = []
    missing: Literal["error", "drop", "mean"] = "error"
    marks: list[str] = field(default_factory=lambda: [*_MARKS])
    above: float | None = None
    intercept: bool = True

    def __post_init__(self) -> None:
        if is_of_agents(self.path) and self.agent is not None:
            raise ValueError(
                "expected no column of agents beside files of each agent, got agent ="
                f" {self.agent!r}; leave it out, or name one file in path"
            )
        if self.above is not None and self.label in self.categorical:
            raise ValueError(
                f"expected a label of numbers beside above = {self.above:g}, got"
                f" {self.label!r}, which categorical names; leave one of them out"
            )

    @property
    def is_of_agents(self) -> bool:
        """Whether each agent's points are read where it is hosted: they always are."""
        return True

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"data {self.path}"

    def agents(self) -> list[str] | None:
        """Names of the agents in the data; None where settings say how many there are.

        Raises
        ------
        ConfigurationError
            If the data can't be read, or name none.
        """
        if is_of_agents(self.path):
            return None
        place = self._place()
        if place.is_dir():
            return [_stem(file) for file in _files(place)]
        column, names = self._agents_column(place), tuple(self._names or ())
        return list(_agents_in(place, self.separator, names, column, FileVersion.of(place)))

    def cells(self, agents: Sequence[str] | None, hosted: range) -> dict[int, Cells]:
        """Cells of the hosted agents, whose names are in ``agents``.

        Raises
        ------
        ConfigurationError
            If they can't be read; it names the agent.
        """
        if agents is None:
            return {i: self._whole(of_agent(self.path, i), i) for i in hosted}
        place = self._place()
        if place.is_dir():
            files = _files(place)
            return {i: self._whole(files[i], i) for i in hosted}
        own = {agents[i]: i for i in hosted}
        column = self._agents_column(place)
        parts = read_cells(place, self.separator, self._names, column, own)
        return {i: parts[name] for name, i in own.items()}

    def used(self, columns: Sequence[str], path: Path) -> list[str]:
        """The columns that become features, of those that a file has.

        Raises
        ------
        ConfigurationError
            If one that settings name is not there, or none is left.
        """
        asked: Mapping[str, Sequence[str]] = {
            "label": [self.label],
            "columns": self.columns or [],
            "drop": self.drop,
            "categorical": self.categorical,
        }
        for setting, names in asked.items():
            for name in names:
                require_column(name, columns, f"data.{setting}", path)
        apart = {self.label, self.agent, *self.drop}
        found = [name for name in self.columns or columns if name not in apart]
        if not found and not self.intercept:
            raise ConfigurationError(
                "data.columns: expected a column at least beside label, agent and those that are"
                " dropped, got none; name one"
            )
        return found

    @property
    def _names(self) -> Sequence[str] | None:
        known = TABLES.get(self.path)
        return self.names or (known.names if known else None)

    def _place(self) -> Path:
        return TABLES[self.path].fetch() if self.path in TABLES else Path(self.path)

    def _agents_column(self, file: Path) -> str:
        if self.agent is None:
            raise ConfigurationError(
                f"data.agent: expected the column of {file} with the names of agents, got none;"
                " name it, or name a folder with a file for each agent in path"
            )
        return self.agent

    def _whole(self, file: Path, i: int) -> Cells:
        """All cells of a file, which is that of agent i."""
        if self.agent is not None:
            raise ConfigurationError(
                f"data.agent: expected none beside a folder with a file for each agent, got"
                f" {self.agent!r}; leave it out, or drop the column"
            )
        try:
            parts = read_cells(file, self.separator, self._names)
        except ConfigurationError as error:
            raise ConfigurationError(f"agent {i}: {error}") from error
        if not parts:
            raise ConfigurationError(
                f"agent {i}: data file {file}: expected rows, got the names of columns alone; fill"
                " it in, or remove it"
            )
        return parts[""]


@lru_cache(maxsize=8)
def _agents_in(
    file: Path, separator: str, names: tuple[str, ...], column: str, _version: FileVersion
) -> tuple[str, ...]:
    found = [*read_cells(file, separator, names or None, column)]
    if not found:
        raise ConfigurationError(f"data file {file}: expected rows of agents, got none")
    return tuple(found[k] for k in natural_order(found))


def _files(folder: Path) -> list[Path]:
    """The files of agents in a folder, in natural order."""
    found = [file for file in folder.iterdir() if _is_table(file)]
    if not found:
        raise ConfigurationError(
            f"data.path: expected a folder with a file for each agent ({', '.join(_SUFFIXES)}, also"
            f" packed), got {folder} without one; name another folder, or a file"
        )
    names = [_stem(file) for file in found]
    for name in (name for name, count in Counter(names).items() if count > 1):
        same = " and ".join(sorted(file.name for file in found if _stem(file) == name))
        raise ConfigurationError(
            f"data.path: expected one file for each agent in {folder}, got {same} for {name};"
            " remove all but one"
        )
    return [found[k] for k in natural_order(names)]


def _is_table(file: Path) -> bool:
    bare = file.with_suffix("") if file.suffix in PACKED_SUFFIXES else file
    return bare.suffix in _SUFFIXES and not file.name.startswith(".") and file.is_file()


def _stem(file: Path) -> str:
    return (file.with_suffix("") if file.suffix in PACKED_SUFFIXES else file).stem
