"""Lists of agents in settings, such as ``"0-49, 60"``."""

import re
from collections.abc import Sequence

from udsgd_mpi.support.errors import ConfigurationError


def parse_agents(text: str, name: str, agents: int) -> list[int]:
    """The agents that are in a list.

    Raises
    ------
    ConfigurationError
        If it does not consist of numbers and ascending ranges, or names an unknown agent;
        ``name`` says which setting it is.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", part)
        if not match:
            raise ConfigurationError(
                f'{name}: expected numbers and ranges such as "0-49, 60", got {text!r}'
            )
        first = int(match[1])
        last = int(match[2] or first)
        if last < first:
            raise ConfigurationError(
                f'{name}: expected ascending ranges such as "{last}-{first}", got {part.strip()!r}'
            )
        if last >= agents:
            raise ConfigurationError(
                f"{name}: expected agents 0-{agents - 1}, got {max(first, agents)}; list {agents}"
                " agents"
            )
        found.extend(range(first, last + 1))
    return found


def in_words(agents: Sequence[int]) -> str:
    """Ascending numbers as a list that ``parse_agents`` reads, after what they are.

    Examples
    --------
    >>> in_words([0, 1, 2, 7])
    'agents 0-2, 7'
    """
    ranges: list[list[int]] = []
    for agent in agents:
        if ranges and ranges[-1][-1] == agent - 1:
            ranges[-1][1:] = [agent]
        else:
            ranges.append([agent])
    return f"agent{'s' * (len(agents) > 1)} {', '.join('-'.join(map(str, r)) for r in ranges)}"


def covering(lists: dict[str, str], agents: int, name: str) -> list[str]:
    """Name of the list that each agent is in.

    Raises
    ------
    ConfigurationError
        If an agent is in none, in two, or does not exist.
    """
    found: dict[int, str] = {}
    for key, text in lists.items():
        for agent in parse_agents(text, f"{name} {key}", agents):
            if agent in found:
                raise ConfigurationError(
                    f"{name} {key}: agent {agent} is in {found[agent]!r} already; list every agent"
                    " once"
                )
            found[agent] = key
    missing = next((agent for agent in range(agents) if agent not in found), None)
    if missing is not None:
        raise ConfigurationError(
            f"{name}: expected each of the agents 0-{agents - 1} once, got none for agent"
            f" {missing}; list {agents} agents"
        )
    return [found[agent] for agent in range(agents)]
