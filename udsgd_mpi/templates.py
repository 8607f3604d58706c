"""File names in settings that stand for one file of each agent."""

from pathlib import Path

_AGENT = "{agent}"


def is_of_agents(name: str) -> bool:
    """Whether a name holds ``{agent}``, in place of an agent's number."""
    return _AGENT in name


def of_agent(name: str, agent: int) -> Path:
    """Path of an agent's file."""
    return Path(name.replace(_AGENT, str(agent)))
