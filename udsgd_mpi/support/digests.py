"""Digests of what a run has read, which reveal changed inputs."""

import hashlib

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

_DIGITS = 16
_FIRST = "objective.path"


class Digests(Struct, frozen=True):
    """What a variant has read and drawn, before any arithmetic.

    Parameters
    ----------
    data
        Of each agent: its rows, and the order of its batches.
    graphs
        Of each agent: its data graph; ``""`` where it has none.
    topology
        Of the agents' graph.
    W
        Of each matrix that is known from the start.
    sources
        Of each file of the user's own code, and of those that an objective reads, by its
        ``source_name``.
    test
        Of the test part of the data, where losses over it are recorded; nothing elsewhere.
    computed_by
        What decides last bits beside them, as the objective says it; of several kinds of
        processors all. Nothing where none is known.
    latency
        Of a matrix of latencies that a file holds, which decides simulated times alone.
    """

    data: list[str]
    graphs: list[str]
    topology: str
    W: list[str]
    sources: dict[str, str]
    test: str = ""
    computed_by: str = ""
    latency: str = ""

    @property
    def shared(self) -> dict[str, str]:
        """Those of what all agents have in common and their numbers depend on, by name."""
        matrices = {f"W {k}": value for k, value in enumerate(self.W)}
        sources = {f"source {name}": value for name, value in self.sources.items()}
        test = {"test part": self.test} if self.test else {}
        return {"topology": self.topology, **matrices, **sources, **test}


def digest(*parts: bytes | NDArray[np.generic]) -> str:
    """First 64 bits of the SHA-256 of arrays, with their types and shapes, and of bytes."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            found.update(part)
        else:
            found.update(f"{part.dtype.str}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).data)
    return found.hexdigest()[:_DIGITS]


def source_name(setting: str, file: str) -> str:
    """Name of the digest of a source file, or of one that an objective reads.

    Parameters
    ----------
    setting
        That names it, e.g. ``"communication.path"``. Files of ``objective.path`` have no such
        prefix, as there was nothing else once.
    """
    return file if setting == _FIRST else f"{setting}: {file}"


def setting_and_file(name: str) -> tuple[str, str]:
    """Setting and file of a ``source_name``."""
    setting, colon, file = name.partition(": ")
    return (setting, file) if colon else (_FIRST, name)
