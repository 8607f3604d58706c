"""Digests of what a variant has read, in result files."""

import json

import msgspec
import numpy as np

from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.support.digests import Digests
from udsgd_mpi.support.errors import ConfigurationError

COMPUTED_BY = "computed_by"

_ATTRIBUTE = "inputs"
_VARIABLES = ("data_digest", "graph_digest")


def as_attributes(digests: Digests) -> dict[str, str]:
    """Digests of what agents have in common, for a variant's group."""
    shared = {"topology": digests.topology, "W": digests.W, "sources": digests.sources}
    for name in ("test", "latency"):
        shared |= {name: value} if (value := getattr(digests, name)) else {}
    found = {_ATTRIBUTE: json.dumps(shared)}
    return found | ({COMPUTED_BY: digests.computed_by} if digests.computed_by else {})


def as_variables(digests: Digests) -> dict[str, Variable]:
    """Digests of what each agent has read, for a variant's group."""
    data, graphs = (np.array(each, dtype=object) for each in (digests.data, digests.graphs))
    return {
        "data_digest": Variable(data, ("agent",), "digest of the agent's rows as they were read"),
        "graph_digest": Variable(graphs, ("agent",), "digest of the agent's data graph, if any"),
    }


def digests_in(run: Run) -> Digests | None:
    """Digests that a variant's group holds; None in files of older versions.

    Raises
    ------
    ConfigurationError
        If they are not what was written.
    """
    if _ATTRIBUTE not in run.attributes:
        return None
    try:
        agents = {"data": run["data_digest"].tolist(), "graphs": run["graph_digest"].tolist()}
        agents[COMPUTED_BY] = run.attributes.get(COMPUTED_BY, "")
        return msgspec.convert(json.loads(run.attributes[_ATTRIBUTE]) | agents, Digests)
    except (LookupError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise ConfigurationError(
            f"results: expected digests of inputs written by udsgd, got something else ({error});"
            " run again with --force"
        ) from error


def without_digests(run: Run) -> Run:
    """The group of a variant as an older version would have written it."""
    attributes = {key: value for key, value in run.attributes.items() if key != _ATTRIBUTE}
    return Run(attributes, {k: v for k, v in run.variables.items() if k not in _VARIABLES})
