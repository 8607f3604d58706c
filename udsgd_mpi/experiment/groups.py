"""Which agent belongs to which group."""

import numpy as np

from udsgd_mpi.experiment.schema import Group
from udsgd_mpi.support.agent_lists import covering
from udsgd_mpi.support.errors import ConfigurationError


def assign(groups: dict[str, Group], agents: int) -> list[str]:
    """Name of the group of each agent.

    Shares are turned into whole numbers of agents by largest remainders; then every group gets
    at least one agent as long as there are as many agents as groups. Groups follow each other
    in the order in which they are given. A group alone with neither is of all agents.

    Raises
    ------
    ConfigurationError
        If shares do not add up to 1, or the lists of agents do not cover each agent once.
    """
    named = [name for name, group in groups.items() if group.agents is not None]
    shared = [name for name, group in groups.items() if group.share is not None]
    if len(groups) == 1 and not named and not shared:
        return [*groups] * agents
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
    if named:
        return covering({name: groups[name].agents or "" for name in named}, agents, "groups")
    return _by_share(groups, agents)


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
