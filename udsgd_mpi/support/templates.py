"""File names in settings that stand for one file of each agent."""

import re
from glob import escape
from pathlib import Path

_AGENT = re.compile(r"\{agent(?::(0[1-9]d?|d)?)?\}")


def is_of_agents(name: str) -> bool:
    """Whether a name holds ``{agent}``, in place of an agent's number.

    ``{agent:02d}`` stands for at least two digits: 00, 01, ….

    Raises
    ------
    ValueError
        If the number is to be written in any other way.
    """
    if "{agent" in _AGENT.sub("", name):
        message = f"expected {{agent}}, or {{agent:02d}} for 00, 01, …, got {name!r}"
        raise ValueError(message)
    return _AGENT.search(name) is not None


def of_agent(name: str, agent: int) -> Path:
    """Path of an agent's file."""
    return Path(_AGENT.sub(lambda found: format(agent, found[1] or "d"), name))


def exists(file: Path) -> bool:
    """Whether there is such a file, of any agent where it stands for one of each."""
    try:
        if _AGENT.search(str(file)) is None:
            return file.exists() and not file.is_dir()
        names = str(file.relative_to(file.anchor))
        pattern = "*".join(map(escape, _AGENT.split(names)[::2]))
        return any(True for _ in Path(file.anchor).glob(pattern))
    except OSError:  # such as a name that is too long; reading it says so
        return False
