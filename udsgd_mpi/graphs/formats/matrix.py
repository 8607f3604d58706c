"""Adjacency matrices: MatrixMarket, SciPy's .npz, NumPy's .npy."""

import re
from io import BytesIO
from typing import Any

import numpy as np

from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import Found, NotOfFormat, numbered

_NUMBERS = re.compile(r"[-+0-9.eE \t]*")


def of_matrix(form: str, matrix: Any, first: int = 0) -> Found:
    """The graph with an edge for each entry that is not 0.

    Parameters
    ----------
    matrix
        Array, or sparse matrix of SciPy.
    first
        Number of the first row.
    """
    from scipy.sparse import coo_array

    if getattr(matrix, "ndim", 2) != 2 or matrix.shape[0] != matrix.shape[1]:
        raise NotOfFormat(
            f"expected a square matrix, a row for each node, got shape {matrix.shape}"
        )
    if matrix.dtype.kind not in "biufc":
        raise NotOfFormat(f"expected a matrix of numbers, got {matrix.dtype}")
    entries = coo_array(matrix)
    if not np.isfinite(entries.data).all():
        raise NotOfFormat("expected finite numbers, got NaN or infinity")
    there = entries.data != 0
    i, j = (index[there].astype(np.int64) for index in entries.coords)
    n = matrix.shape[0]
    symmetric = np.array_equal(np.unique(i * n + j), np.unique(j * n + i))
    dropped = ("weights",) if (entries.data[there] != 1).any() else ()
    # Each edge stands in both triangles, or in one of them alone.
    return Found(form, numbered(first, n, len(i)), i, j, None if symmetric else True, dropped)


def read_matrix_market(content: Content) -> Found:
    """The graph of what ``matrix_market`` reads."""
    return of_matrix("MatrixMarket", matrix_market(content), first=1)


def matrix_market(content: Content) -> Any:
    """Read what ``scipy.io.mmread`` reads, which must get lines of numbers that all end.

    SciPy 1.17 reads on beyond its buffer from a last line that does not end and holds more.
    """
    from scipy.io import mmread

    for number, line in enumerate(content.text.split("\n"), start=1):
        if not line.startswith("%") and not _NUMBERS.fullmatch(line):
            raise NotOfFormat(f"line {number}: expected numbers, got {line[:40]!r}")
    whole = f"{content.text.rstrip()}\n".encode()
    return mmread(BytesIO(whole))


def read_npz(content: Content) -> Found:
    """Read what ``scipy.sparse.save_npz`` writes."""
    from scipy.sparse import load_npz

    return of_matrix("sparse matrix (.npz)", load_npz(content.binary()))


def read_npy(content: Content) -> Found:
    """Read what ``numpy.save`` writes of an array of numbers."""
    return of_matrix("matrix (.npy)", np.load(content.binary(), allow_pickle=False))
