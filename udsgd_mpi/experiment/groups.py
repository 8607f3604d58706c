"""Which agent belongs to which group."""

import re

import numpy as np

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.experiment.schema import Group


def assign(groups: dict[str, Group], agents: int) -> list[str]:
    """Name of the group of each agent.

    Shares are turned into whole numbers of agents by largest remainders; then every group gets
    at least one agent as long as there are as many agents as groups. Groups follow each other
    in the order in which they are given.

    Raises
    ------
    ConfigurationError
        If shares do not add up to 1, or the lists of agents do not cover each agent once.
    """
    named = [name for name, group in groups.items() if group.agents is not None]
    shared = [name for name, group in groups.items() if group.share is not None]
    if set(named) & set(shared) or len(named) + len(shared) < len(groups):
        raise ConfigurationError(
            "groups: expected either a share or a list of agents for each group, got both or"
            f" neither in {sorted(set(groups) - (set(named) ^ set(shared)))}"
        )
    if named and shared:
        raise ConfigurationError(
            f"groups: expected shares for all groups or lists of agents for all, got shares for"
            f" {shared} and lists for {named}"
        )
    return _listed(groups, agents) if named else _by_share(groups, agents)


def _by_share(groups: dict[str, Group], agents: int) -> list[str]:
    shares = np.array([group.share for group in groups.values()], dtype=np.float64)
    if abs(shares.sum() - 1) > 1e-9:
        given = ", ".join(f"{name} {share:g}" for name, share in zip(groups, shares, strict=True))
        raise ConfigurationError(
            f"groups: expected shares that add up to 1, got {shares.sum():g} ({given})"
        )
    exact = shares * agents
    counts = np.floor(exact + 1e-9).astype(int)
    remainder_first = np.argsort(counts - exact, kind="stable")
    counts[remainder_first[: agents - counts.sum()]] += 1
    if agents >= len(groups):
        for empty in np.flatnonzero(counts == 0):
            above_share = np.where(counts > 1, counts - exact, -np.inf)
            counts[empty] += 1
            counts[np.argmax(above_share)] -= 1
    return [name for name, count in zip(groups, counts, strict=True) for _ in range(count)]


def _listed(groups: dict[str, Group], agents: int) -> list[str]:
    found: dict[int, str] = {}
    for name, group in groups.items():
        for agent in _parse(group.agents or "", name):
            if agent in found:
                raise ConfigurationError(
                    f"groups.{name}.agents: agent {agent} is in group {found[agent]!r} already;"
                    " name every agent once"
                )
            found[agent] = name
    missing = [agent for agent in range(agents) if agent not in found]
    beyond = [agent for agent in found if agent >= agents]
    if missing or beyond:
        raise ConfigurationError(
            f"groups: expected each of the agents 0-{agents - 1} in one group, got"
            + (f" none for agent {missing[0]}" if missing else f" agent {beyond[0]} too")
            + f"; list {agents} agents, or use shares"
        )
    return [found[agent] for agent in range(agents)]


def _parse(text: str, name: str) -> list[int]:
    agents: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", part)
        if not match:
            raise ConfigurationError(
                f'groups.{name}.agents: expected numbers and ranges such as "0-49, 60", got'
                f" {text!r}"
            )
        first = int(match[1])
        agents.extend(range(first, int(match[2] or first) + 1))
    return agents
