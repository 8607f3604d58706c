"""An experiment file means what it says: overlays, groups, recording steps, flags."""

from argparse import Namespace

import numpy as np
import pytest

from udsgd_mpi.cli.settings import with_assigned
from udsgd_mpi.communication import DFL, DSGD, Pattern
from udsgd_mpi.communication.compression.top_k import TopK
from udsgd_mpi.communication.custom import CustomPattern
from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.read import read_experiment, to_toml, variants
from udsgd_mpi.experiment.schema import Group, Record
from udsgd_mpi.methods.step_sizes import Constant
from udsgd_mpi.samplers import IID, SRRW, SRW
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.step_size import Polynomial

LAZY_HALF = DSGD(interval=9, weights="lazy", compression=TopK(fraction=0.5))


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


def test_the_kind_of_a_default_is_no_other_where_a_file_leaves_it_out() -> None:
    raw = {"groups": {"all": {"sampler": "iid"}}, "step_size": {"gamma": 0.3}}
    for kind, expected in (("polynomial", Polynomial(gamma=0.3)), ("constant", Constant())):
        assert variants(raw, {"step_size": {"kind": kind}})["main"].step_size == expected


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["weights=uniform", "kind=dsgd"], DSGD(interval=9, weights="uniform")),
        (["weights=uniform", "kind=dfl"], DFL(weights="uniform")),
        (["compression.fraction=0.5", "compression=top_k"], LAZY_HALF),
        (["path=own.py:Pattern", "kind=custom"], CustomPattern(path="own.py:Pattern")),
    ],
)
def test_settings_of_one_table_hold_together_in_either_order(
    given: list[str], order: int, expected: Pattern
) -> None:
    """Those of ``--set``, over a file's."""
    raw = {
        "groups": {"all": {"sampler": "iid"}},
        "communication": {"kind": "dsgd", "weights": "lazy", "interval": 9},
    }
    arguments = Namespace(set=[f"communication.{each}" for each in given[::order]])
    assert variants(raw, with_assigned({}, arguments))["main"].communication == expected


def test_a_table_by_its_kind_alone_takes_what_is_set_in_it() -> None:
    arguments = Namespace(set=["communication=dfl", "communication.weights=lazy"])
    assert with_assigned({}, arguments)["communication"] == {"kind": "dfl", "weights": "lazy"}


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
