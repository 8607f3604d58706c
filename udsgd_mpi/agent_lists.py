"""Lists of agents in settings, such as ``"0-49, 60"``."""

import re

from udsgd_mpi.errors import ConfigurationError


def parse_agents(text: str, name: str) -> list[int]:
    """Agents of a list.

    Raises
    ------
    ConfigurationError
        If it is not of numbers and ranges; ``name`` says which setting it is.
    """
    agents: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", part)
        if not match:
            raise ConfigurationError(
                f'{name}: expected numbers and ranges such as "0-49, 60", got {text!r}'
            )
        first = int(match[1])
        agents.extend(range(first, int(match[2] or first) + 1))
    return agents


def covering(lists: dict[str, str], agents: int, name: str) -> list[str]:
    """Name of the list that each agent is in.

    Raises
    ------
    ConfigurationError
        If an agent is in none, in two, or does not exist.
    """
    found: dict[int, str] = {}
    for key, text in lists.items():
        for agent in parse_agents(text, f"{name} {key}"):
            if agent in found:
                raise ConfigurationError(
                    f"{name} {key}: agent {agent} is in {found[agent]!r} already; name every"
                    " agent once"
                )
            found[agent] = key
    missing = [agent for agent in range(agents) if agent not in found]
    beyond = [agent for agent in found if agent >= agents]
    if missing or beyond:
        raise ConfigurationError(
            f"{name}: expected each of the agents 0-{agents - 1} once, got"
            + (f" none for agent {missing[0]}" if missing else f" agent {beyond[0]} too")
            + f"; list {agents} agents"
        )
    return [found[agent] for agent in range(agents)]
