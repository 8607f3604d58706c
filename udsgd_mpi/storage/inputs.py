"""Whether the same settings read the same data."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from udsgd_mpi.communication import DropOut, Pattern, RandomMatching, UnreliableLinks
from udsgd_mpi.experiment.deciding import DECIDE_NO_W
from udsgd_mpi.experiment.plugins import files_beside_data, plugins
from udsgd_mpi.storage.digests import digests_in
from udsgd_mpi.storage.variables import Run
from udsgd_mpi.support.digests import Digests, setting_and_file
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import is_of_agents, of_agent

_MOST_NAMED = 5


class Inputs(NamedTuple):
    """What a variant has read, and what asked for it.

    Attributes
    ----------
    settings
        Of the variant, as its file has them.
    groups
        Group of each agent.
    """

    settings: Mapping[str, Any]
    groups: Sequence[str]
    digests: Digests


def inputs_in(
    file: str, settings: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Run]
) -> Iterator[tuple[str, Inputs | None]]:
    """What the variants of a result file have read, by a name; None in files of older versions.

    Parameters
    ----------
    settings
        Of each variant.
    """
    for name, run in runs.items():
        digests = digests_in(run)
        inputs = Inputs(settings[name], run["group"].tolist(), digests) if digests else None
        yield f"{file} [variant.{name}]", inputs


def not_compared(names: Iterable[str]) -> str | None:
    """A warning about results of older versions; None where there are none."""
    told = ", ".join(names)
    return (
        f"warning: {told}: inputs not compared, as an older version did not record them"
        if told
        else None
    )


class _Setting(NamedTuple):
    """What a thing was read for, in words: what it is, the setting that asks for it, and how."""

    what: str
    name: str
    value: str


class _Reading(NamedTuple):
    """One thing that was read.

    Attributes
    ----------
    asked
        Settings that it depends on: the same ones read the same thing.
    agent
        Who read it; None where it is the same for all.
    """

    asked: tuple[str, ...]
    setting: _Setting
    agent: int | None
    digest: str


class Change(NamedTuple):
    """What differs from before, in words, and the file that holds the earlier one."""

    text: str
    since: str


class KnownInputs:
    """What was read under which settings."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[str, str]] = {}

    def add(self, where: str, inputs: Inputs) -> None:
        """Learn what was read, as recorded in ``where``."""
        for reading in _readings(inputs):
            self._known.setdefault(reading.asked, (reading.digest, where))

    def changed(self, inputs: Inputs) -> list[Change]:
        """What differs under the same settings."""
        found: dict[tuple[_Setting, str], list[int | None]] = {}
        for reading in _readings(inputs):
            before, where = self._known.get(reading.asked, (reading.digest, ""))
            if before != reading.digest:
                found.setdefault((reading.setting, where), []).append(reading.agent)
        of = len(inputs.groups)
        return [
            Change(_in_words(setting, agents, of), where)
            for (setting, where), agents in found.items()
        ]


def _in_words(setting: _Setting, agents: Sequence[int | None], of: int) -> str:
    what, name, value = setting
    numbers = [i for i in agents if i is not None]
    if len(numbers) == 1:
        what += f" of agent {numbers[0]}"
        value = str(of_agent(value, numbers[0])) if is_of_agents(value) else value
    elif 0 < len(numbers) < of:
        named = ", ".join(map(str, numbers[:_MOST_NAMED]))
        what += f" of {len(numbers)} agents ({named}{', …' * (len(numbers) > _MOST_NAMED)})"
    return f"the {what}, {name} = {value!r}"


def _readings(inputs: Inputs) -> Iterator[_Reading]:
    try:
        yield from _of_agents(inputs)
        yield from _of_all(inputs)
    except (LookupError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"configuration: expected settings written by udsgd, got something else ({error!r});"
            " run again with --force"
        ) from error


def _of_all(inputs: Inputs) -> Iterator[_Reading]:
    settings, digests = inputs.settings, inputs.digests
    topology = settings["topology"]
    place = (_key(settings, "seed"), _key(settings, "agents"), _key(settings, "topology"))
    setting = _Setting("topology", "topology", _source(topology))
    yield _Reading(("topology", *place), setting, None, digests.topology)
    pattern = settings["communication"]
    of_W = {key: value for key, value in pattern.items() if key not in DECIDE_NO_W}
    for k, value in enumerate(digests.W):
        # Another topology has another W, and other data have another graph.
        asked = ("W", *place, digests.topology, json.dumps(of_W), str(k))
        yield _Reading(asked, _of_matrix(pattern, k), None, value)
    if digests.test:
        source = settings["data"]["source"]
        setting = _Setting("test part of the data", "data.source", source)
        yield _Reading(("test", source), setting, None, digests.test)
    if digests.latency:
        path = settings["timing"]["latency"]
        setting = _Setting("matrix of latencies", "timing.latency", path)
        yield _Reading(("latency", path), setting, None, digests.latency)
    named = plugins(settings) if digests.sources else {}
    read = files_beside_data(settings) if digests.sources else {}
    for name, value in digests.sources.items():
        key, file = setting_and_file(name)
        path = named.get(key, read.get(key, ""))
        setting = _Setting(f"{'file' if key in read else 'source'} {file}", key, path)
        yield _Reading(("source", path, file), setting, None, value)


def _of_agents(inputs: Inputs) -> Iterator[_Reading]:
    settings, names, digests = inputs
    place = tuple(_key(settings, name) for name in ("seed", "agents", "data", "partition"))
    read = settings["data"]
    key = next((key for key in ("reader", "path") if key in read), "source")
    data = _Setting("data", f"data.{key}", read[key] if key != "reader" else read[key]["path"])
    groups = settings["groups"]
    needed = {name: _needed(name, group) for name, group in groups.items()}
    for i, (name, rows, graph) in enumerate(zip(names, digests.data, digests.graphs, strict=True)):
        source, setting = needed[name]
        asked = (*place, _key(groups[name], "batch"), str(i))
        yield _Reading(("data", *asked), data, i, rows)
        if graph:
            yield _Reading(("graph", *asked, rows, source), setting, i, graph)


def _needed(name: str, group: Mapping[str, Any]) -> tuple[str, _Setting]:
    """What asks for what the sampler of a group needs beside its points."""
    sampler = group["sampler"]
    if "path" in sampler and sampler["kind"] != "custom":
        setting = _Setting(sampler["kind"], f"groups.{name}.sampler.path", sampler["path"])
        return _key(group, "sampler"), setting
    setting = _Setting("data graph", f"groups.{name}.graph", _source(group.get("graph", {})))
    return _key(group, "graph"), setting


def _of_matrix(pattern: Mapping[str, Any], k: int) -> _Setting:
    """What a pattern reads or draws its k-th matrix from."""
    if k < len(topologies := pattern.get("topologies", [])):
        name = f"communication.weights = {pattern['weights']!r} on communication.topologies[{k}]"
        return _Setting(f"matrix W {k}", name, _source(topologies[k]))
    if "weights" in pattern:
        return _Setting("matrix W", "communication.weights", pattern["weights"])
    return _Setting("matrix W", "communication", pattern["kind"])


def _source(source: Mapping[str, Any]) -> str:
    """Path or kind of a graph."""
    return str(source.get("path", source.get("kind")))


def _key(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings.get(name))


def is_redrawn(pattern: Pattern, parts: Iterable[Digests | None]) -> bool:
    """Whether links of some part of a run were drawn by the generator of an older version.

    Parameters
    ----------
    parts
        What each of them has noted of its inputs; the version that drew otherwise noted nothing.
    """
    at_random = isinstance(pattern, DropOut | RandomMatching | UnreliableLinks)
    return at_random and any(noted is None for noted in parts)
