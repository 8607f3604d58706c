"""Settings that name files: how they are marked, and where the files are looked for.

A name that holds ``{agent}`` stands for one file of each agent.
"""

import logging
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Meta

from udsgd_mpi.support.errors import ConfigurationError

_log = logging.getLogger(__name__)

_AGENT = re.compile(r"\{agent(?::(0[1-9]d?|d)?)?\}")


@dataclass(frozen=True)
class NamesFile:
    """What a text in the settings may name.

    Attributes
    ----------
    words
        Texts that stand for something else than a file, such as well-known data sets.
    of_class
        Whether it is ``"module:Class"``, where the module may be a file.
    or_folder
        Whether it may be a folder.
    """

    words: frozenset[str] = frozenset()
    of_class: bool = False
    or_folder: bool = False

    def files(self, text: str) -> list[Path]:
        """The files that a text may name, ``~`` expanded; none for a word."""
        if text in self.words or (self.of_class and ":" not in text):
            return []
        if self.of_class and not self.is_file(text):
            name = text.rpartition(":")[0].replace(".", "/")
            return [Path(f"{name}.py"), Path(name, "__init__.py")]
        name = text.rpartition(":")[0] if self.of_class else text
        try:
            return [Path(name).expanduser()]
        except RuntimeError as error:
            raise ConfigurationError(f"file {text}: {error}; write the folder out") from error

    def is_file(self, text: str) -> bool:
        """Whether a text names a file, wherever that is, rather than a word or a module."""
        if self.of_class:
            return text.rpartition(":")[0].endswith(".py")
        return text not in self.words

    def text(self, file: Path, before: str) -> str:
        """The text that names a file which ``before`` named from elsewhere."""
        if self.of_class:
            return f"{file}:{before.rpartition(':')[2]}"
        return f"./{file}" if str(file) in self.words else str(file)


def names_file(
    words: Iterable[str] = (), *, of_class: bool = False, or_folder: bool = False
) -> Meta:
    """Mark the type of a setting that may name a file; see ``NamesFile``."""
    return Meta(extra={"names": NamesFile(frozenset(words), of_class, or_folder)})


def mark_of(annotated: Any) -> NamesFile | None:
    """The mark on a type, if there is one."""
    for annotation in getattr(annotated, "__metadata__", ()):
        if isinstance(annotation, Meta) and annotation.extra and "names" in annotation.extra:
            mark: NamesFile = annotation.extra["names"]
            return mark
    return None


def may_be_file(text: str) -> bool:
    """Whether a text looks like the name of a file, or is that of a file in the working folder."""
    return "." in text or "/" in text or exists(Path(text))


# Takes the text of a setting, what it may name, and the setting's key; gives the text to use.
Renaming: TypeAlias = Callable[[str, NamesFile, str], str]


def in_folders(*folders: Path) -> Renaming:
    """Look for files in some folders, the first one first.

    A word stands for what is known by it, even where there is a file of that name: ``./WORD`` is
    the file. Absolute paths, and files that do not exist, stay as they are.
    """

    def found(text: str, names: NamesFile, key: str) -> str:
        if text in names.words and any(exists(folder / text) for folder in folders):
            _log.warning("%s: %s is not the file of that name, which is ./%s", key, text, text)
        for folder in folders:
            for file in names.files(text):
                if exists(folder / file, or_folder=names.or_folder):
                    return names.text(folder / file, text)
        return text

    return found


def as_given(text: str, _names: NamesFile, _key: str) -> str:
    """Leave a name as it is."""
    return text


def seen_from(folder: Path, given_in: Path | None = None) -> Renaming:
    """Name files as they are seen from a folder.

    Absolute paths stay as they are, and so do modules that are not files.

    Parameters
    ----------
    given_in
        The folder from which they are named so far; by default the working folder.
    """
    before = given_in or Path()

    def renamed(text: str, names: NamesFile, _: str) -> str:
        file = names.files(text)[0] if names.is_file(text) else None
        if file is None or file.is_absolute():
            return text
        place = os.path.relpath((before / file.parent).resolve(), folder.resolve())
        return names.text(Path(place) / file.name, text)

    return renamed


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


def exists(file: Path, *, or_folder: bool = False) -> bool:
    """Whether there is such a file, of any agent where it stands for one of each.

    Parameters
    ----------
    or_folder
        Whether a folder will do.
    """
    try:
        if _AGENT.search(str(file)) is None:
            return file.exists() and (or_folder or not file.is_dir())
        names = str(file.relative_to(file.anchor))
        pattern = "*".join(map(escape, _AGENT.split(names)[::2]))
        return any(True for _ in Path(file.anchor).glob(pattern))
    except OSError:  # such as a name that is too long; reading it says so
        return False
