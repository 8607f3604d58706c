"""Labels of images as indices of classes."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.images.pixels import NotImages

Integers = NDArray[np.int64]


def named_by_value(parts: Sequence[Integers]) -> tuple[list[Integers], tuple[str, ...]]:
    """Index of the class of each label, and the classes, which are the values of the first part.

    Parameters
    ----------
    parts
        Labels of the training part, and of the test part where there is one.

    Raises
    ------
    NotImages
        If there are labels in a test part that nobody could learn.
    """
    known = np.unique(parts[0])
    for labels in parts[1:]:
        unknown = np.setdiff1d(labels, known)
        if len(unknown):
            raise NotImages(
                f"test labels: expected those of the training part, {listed(known.tolist())}, got"
                f" {listed(unknown.tolist())}; leave them out"
            )
    found = [np.searchsorted(known, labels).astype(np.int64) for labels in parts]
    return found, tuple(map(str, known.tolist()))


def listed(words: Sequence[object]) -> str:
    """The first few of some words, and how many there are where there are more."""
    few = 10
    more = f", … ({len(words)} in all)" if len(words) > few else ""
    return ", ".join(map(str, words[:few])) + more


def in_order(classes: Iterable[str]) -> list[str]:
    """Names in order of their numbers where all are numbers, else of the alphabet."""
    words = sorted(classes)
    numbers = all(word.isascii() and word.isdigit() for word in words)
    return sorted(words, key=int) if numbers else words
