"""An experiment file means what it says: overlays, groups, recording steps, flags."""

import numpy as np
import pytest

from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.read import read_experiment, to_toml, variants
from udsgd_mpi.experiment.schema import Group, Record
from udsgd_mpi.samplers import IID, SRRW, SRW
from udsgd_mpi.support.errors import ConfigurationError


def test_overlays_change_parameters_and_replace_kinds() -> None:
    base = {"sampler": {"kind": "srrw", "alpha": 3.0}, "share": 1}
    raw = {
        "groups": {"all": base},
        "variant": {
            "same": {},
            "stronger": {"groups": {"all": {"sampler": {"alpha": 9.0}}}},
            "other": {"groups": {"all": {"sampler": "srw"}}},
            "default": {"groups": {"all": {"sampler": {"kind": "srrw", "b": 0.6}}}},
        },
    }
    samplers = {name: e.groups["all"].sampler for name, e in variants(raw, {}).items()}
    assert samplers == {
        "same": SRRW(alpha=3),
        "stronger": SRRW(alpha=9),
        "other": SRW(),
        "default": SRRW(alpha=3, b=0.6),
    }


def test_flags_win_over_variants() -> None:
    raw = {
        "steps": 5,
        "groups": {"all": {"sampler": "iid", "share": 1}},
        "variant": {"long": {"steps": 50}},
    }
    assert variants(raw, {})["long"].steps == 50
    assert variants(raw, {"steps": 7})["long"].steps == 7


def test_resolved_configuration_is_the_same_experiment() -> None:
    import tomllib

    experiments = variants(read_experiment(None), {"agents": 9})
    assert variants(tomllib.loads(to_toml(experiments)), {}) == experiments


@pytest.mark.parametrize(
    ("agents", "expected"),
    [(1, [1, 0, 0]), (2, [1, 1, 0]), (4, [2, 1, 1]), (10, [5, 4, 1]), (20, [10, 8, 2])],
)
def test_shares_become_agents(agents: int, expected: list[int]) -> None:
    groups = {"a": Group(IID(), share=0.5), "b": Group(SRW(), share=0.4)}
    groups["c"] = Group(SRRW(), share=0.1)
    names = assign(groups, agents)
    assert names == sorted(names)
    assert [names.count(name) for name in "abc"] == expected


def test_a_group_alone_is_of_all_agents() -> None:
    assert assign({"a": Group(IID())}, 3) == ["a", "a", "a"]


def test_lists_of_agents() -> None:
    groups = {"a": Group(IID(), agents="0-1, 4"), "b": Group(SRW(), agents="2 - 3")}
    assert assign(groups, 5) == ["a", "a", "b", "b", "a"]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (("0-1", "3"), "none for agent 2"),
        (("0-2", "2-3"), "agent 2 is in 'a' already"),
        (("0-3", "4"), "agents 0-3, got 4"),
        (("0-3", "x"), "expected numbers and ranges"),
    ],
)
def test_lists_must_cover_every_agent_once(lists: tuple[str, str], message: str) -> None:
    groups = {"a": Group(IID(), agents=lists[0]), "b": Group(SRW(), agents=lists[1])}
    with pytest.raises(ConfigurationError, match=message):
        assign(groups, 4)


def test_recording_steps() -> None:
    geometric = Record(points=20).at(1000)
    assert geometric[0] == 1
    assert geometric[-1] == 1000
    assert (np.diff(geometric) > 0).all()
    assert Record(steps=[5, 0, 5, 80]).at(40).tolist() == [0, 5, 40]
