"""The rows of data that every agent holds, before an objective reads them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.datasets import Dataset, check_finite, load, load_test_part
from udsgd_mpi.data.features import (
    Features,
    arrays_of,
    dense_rows,
    finite_rows,
    is_sparse,
    nonzeros,
    widened,
    worth_holding_sparsely,
)
from udsgd_mpi.data.images import formats
from udsgd_mpi.data.images.labels import in_order
from udsgd_mpi.data.images.pixels import ImageFormat, ImageSet, Moments, as_floats
from udsgd_mpi.data.libsvm import IndexBase, Libsvm, index_base, read_libsvm
from udsgd_mpi.data.partition import Partition
from udsgd_mpi.data.reader import CustomReader
from udsgd_mpi.data.tables.reader import TableReader
from udsgd_mpi.experiment.schema import Data
from udsgd_mpi.problem.reading import Scaling
from udsgd_mpi.problem.tables import Table
from udsgd_mpi.problem.team import Team
from udsgd_mpi.support.digests import digest
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import of_agent

Floats = NDArray[np.float64]

_MOST_SHIFTED = 2**27  # 1 GB


class LocalData(NamedTuple):
    """Data of one agent: features (points, d), dense or sparse, and labels (points,)."""

    features: Features
    labels: Floats


class Held(NamedTuple):
    """What the hosted agents hold.

    Attributes
    ----------
    digests
        Of each agent's rows as they were read: standardised ones can differ in their last bits
        between types of processors.
    left_over
        How many rows of the data set are left over.
    image
        What the rows mean where they were read from images.
    scaling
        How features were standardised, where they were.
    features
        Names of the features, where the data have any.
    """

    rows: list[LocalData]
    digests: list[str]
    left_over: int
    image: ImageFormat | None = None
    scaling: Scaling | None = None
    features: tuple[str, ...] | None = None


def hold(
    data: Data, partition: Partition, seed: int, team: Team, *, as_images: bool = False
) -> Held:
    """Give the hosted agents their rows: shares of one data set, or each agent's own file.

    Parameters
    ----------
    as_images
        Whether images stay pixels of 8 bits.

    Raises
    ------
    ConfigurationError
        If the data can't be read or do not suffice; it names the agent.
    """
    if isinstance(data.reader, TableReader):
        return _of_table(data.reader, data.standardize, team)
    if data.reader is not None and data.is_of_agents:
        held = _read_by_agents(data.reader, team)
    elif data.path is None:
        held = _shares(data, partition, seed, team)
    else:
        held = _own_images(data.path, team) or _own_files(data.path, data.index_base, team)
    if held.image is not None:
        if as_images:
            return held if data.standardize else held._replace(image=held.image.unshifted)
        held = held._replace(rows=_as_floats(held.rows))
    if data.standardize:
        rows, scaling = _standardize(held.rows, team)
        return held._replace(rows=rows, scaling=scaling)
    return held


def _shares(data: Data, partition: Partition, seed: int, team: Team) -> Held:
    def deal() -> list[tuple[LocalData, int, ImageFormat | None]]:
        whole = data.reader if isinstance(data.reader, CustomReader) else None
        dataset = whole.read() if whole else load(data.source, data.index_base)
        shares = partition.share_points(dataset.features, dataset.labels, team.agents, seed)
        finite = finite_rows(dataset.features) & np.isfinite(dataset.labels)
        for i, rows in enumerate(shares.rows):
            if not finite[rows].all():
                check_finite(dataset, rows, f"agent {i}: data {data.name}")
        different = {id(rows): rows for rows in shares.rows}  # one where all hold all
        taken = {
            key: LocalData(dataset.features[rows], dataset.labels[rows])
            for key, rows in different.items()
        }
        return [(taken[id(rows)], shares.left_over, dataset.image) for rows in shares.rows]

    dealt = team.scatter(deal)
    _, left_over, image = dealt[0]
    rows = [own for own, _, _ in dealt]
    return Held(rows, [_digest(own) for own in rows], left_over, image)


def _read_by_agents(reader: CustomReader, team: Team) -> Held:
    """Each agent's points, by a user's class where it is hosted."""

    def read(i: int) -> Dataset:
        with _of_agent(i):
            dataset = reader.read_agent(i)
            check_finite(dataset, np.arange(len(dataset.labels)), reader.name)
        return dataset

    found = team.map(read)
    told = [(*each.features.shape, nonzeros(each.features)) for each in found]
    points, columns, numbers = zip(*team.allgather(told), strict=True)
    for i, number in enumerate(columns):
        if number != columns[0]:
            raise ConfigurationError(
                f"agent {i}: {reader.name}: expected points of {columns[0]} features, as agent 0"
                f" has, got {number}"
            )
    sparse = worth_holding_sparsely(columns[0], sum(points), sum(numbers))
    rows = [
        LocalData(widened(each.features, columns[0], sparse=sparse), each.labels) for each in found
    ]
    return Held(rows, [_digest(own) for own in rows], 0)


def _of_table(reader: TableReader, standardize: bool, team: Team) -> Held:
    table = Table(reader, standardize=standardize, team=team)
    rows = [LocalData(*own) for own in zip(table.features, table.labels, strict=True)]
    return Held(rows, table.digests, 0, scaling=table.scaling, features=table.names)


def _own_files(template: str, base: IndexBase, team: Team) -> Held:
    def read(i: int) -> Libsvm:
        with _of_agent(i):
            return read_libsvm(of_agent(template, i))

    def rows(i: int) -> LocalData:
        found = files[i - team.hosted.start]
        with _of_agent(i):
            dataset = Dataset(found.points(first, highest, sparse=sparse), found.labels)
            check_finite(dataset, np.arange(len(dataset.labels)), f"data file {found.path}")
        return LocalData(dataset.features, dataset.labels)

    files = team.map(read)
    # A file says neither where indices begin nor how many features there are beyond its last one
    # that is not 0; all agents' files together do.
    told = [(file.lowest, file.highest, len(file.labels), file.nonzeros) for file in files]
    lowest, highests, points, numbers = zip(*team.allgather(told), strict=True)
    first, highest = index_base(min(lowest), base), max(highests)
    sparse = worth_holding_sparsely(highest + 1 - first, sum(points), sum(numbers))
    held = team.map(rows)
    return Held(held, [_digest(LocalData(file.features, file.labels)) for file in files], 0)


def _own_images(template: str, team: Team) -> Held | None:
    """The images of each agent; None where none has any."""

    def read(i: int) -> ImageSet | None:
        with _of_agent(i):
            return formats.read(of_agent(template, i))

    found = team.map(read)
    told = team.allgather([None if each is None else (each.format, each.moments) for each in found])
    known = [each for each in told if each is not None]
    if not known:
        return None
    first, _ = known[0]
    for i, each in enumerate(told):
        if each is None or each[0].shape != first.shape:
            got = f"(channels, height, width) {each[0].shape}" if each else "a file of another kind"
            raise ConfigurationError(
                f"agent {i}: data {of_agent(template, i)}: expected images of"
                f" {first.shape} (channels, height, width), as another agent has, got {got};"
                " convert them"
            )
    classes = in_order({name for image, _ in known for name in image.classes})
    index = {name: float(k) for k, name in enumerate(classes)}
    rows, digests = [], []
    for images in found:
        if images is None:  # has been refused
            continue
        pixels = images.training.pixels.reshape(len(images.training.labels), -1)
        digests.append(digest(repr(images.classes).encode(), pixels, images.training.labels))
        labels = np.array([index[name] for name in images.classes])[images.training.labels]
        rows.append(LocalData(pixels, labels))
    moments = reduce(Moments.plus, [moments for _, moments in known])
    return Held(rows, digests, 0, ImageFormat.of(first.shape, tuple(classes), moments))


@contextmanager
def _of_agent(i: int) -> Iterator[None]:
    """Name the agent in errors."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"agent {i}: {error}") from error


def _digest(rows: LocalData) -> str:
    return digest(*arrays_of(rows.features), rows.labels)


def _as_floats(held: Sequence[LocalData]) -> list[LocalData]:
    """Pixels as numbers, held once where agents share them."""
    different = {id(rows): rows for rows in held}
    floats = {
        key: LocalData(as_floats(rows.features), rows.labels) for key, rows in different.items()
    }
    return [floats[id(rows)] for rows in held]


def _standardize(held: Sequence[LocalData], team: Team) -> tuple[list[LocalData], Scaling]:
    """Shift and scale features to mean 0 and variance 1 over agents and their points."""
    sparse = any(team.allgather([is_sparse(rows.features) for rows in held]))
    points = sum(team.allgather([len(rows.labels) for rows in held]))
    columns = held[0].features.shape[1]
    if sparse and points * columns > _MOST_SHIFTED:
        raise ConfigurationError(
            f"data.standardize: expected at most {_MOST_SHIFTED:,} numbers (points × features), got"
            f" {points:,} points of {columns:,}: most are 0, but would not be once shifted to mean"
            " 0; use standardize = false, and scale the columns of the file"
        )
    features = [dense_rows(rows.features, slice(None)) for rows in held]
    mean = team.mean(np.stack([x.mean(axis=0) for x in features]))
    centred = [x - mean for x in features]
    variance = team.mean(np.stack([(x**2).mean(axis=0) for x in centred]))
    scale = np.where(variance > 0, np.sqrt(variance), 1)
    for x in centred:
        np.divide(x, scale, out=x)
    rows = [LocalData(x, own.labels) for x, own in zip(centred, held, strict=True)]
    return rows, Scaling(mean, scale)


def read_test_part(data: Data) -> Dataset | None:
    """Points of the data that nobody trains on; None where it tells none apart.

    Raises
    ------
    ConfigurationError
        If they can't be read.
    """
    if data.path is not None or data.reader is not None:
        return None
    return load_test_part(data.source)
