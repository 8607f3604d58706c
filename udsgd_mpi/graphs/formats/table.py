"""Lines of plain text, divided into words."""

import csv
import re
from dataclasses import dataclass

from udsgd_mpi.graphs.formats.found import NotOfFormat

MARKS = {" ": "spaces", ",": "commas", ";": "semicolons", "\t": "tabs"}

_COMMENT = re.compile(r"[ \t]#")
_QUOTED = re.compile(r'"[^"]*"')
_ATTRIBUTES = re.compile(r"[ \t]\{.*\}$")  # as networkx writes them after an edge
NO_ATTRIBUTES, SOME_ATTRIBUTES = "{}", "{…}"


@dataclass(frozen=True)
class Table:
    """Words of each line that holds data.

    Attributes
    ----------
    numbers
        Those of the lines.
    mark
        What stands between words.
    """

    numbers: list[int]
    rows: list[list[str]]
    mark: str

    @classmethod
    def of(cls, lines: list[tuple[int, str]], mark: str) -> "Table | None":
        """Divide lines; None if the mark does not stand in all of them.

        Raises
        ------
        NotOfFormat
            If a # inside of a line may begin a comment or a name.
        """
        numbers = [number for number, _ in lines]
        if mark == " ":
            return cls(numbers, [between_spaces(line) for _, line in lines], mark)
        if not all(mark in line for _, line in lines):
            return None
        rows = []
        try:
            for number, line in lines:
                if _COMMENT.search(_QUOTED.sub("", line)):
                    raise NotOfFormat(
                        f"line {number}: expected # at the start of a line, or inside of quotes"
                    )
                (row,) = csv.reader([line], delimiter=mark, strict=True, skipinitialspace=True)
                rows.append([word.strip() for word in row])
        except (csv.Error, ValueError):  # such as quotes that do not end
            return None
        return cls(numbers, rows, mark)


def between_spaces(line: str) -> list[str]:
    """Words up to a # that begins one; what networkx writes of an edge's attributes is one."""
    comment = _COMMENT.search(line)
    data = (line[: comment.start()] if comment else line).strip()
    attributes = _ATTRIBUTES.search(data)
    words = re.split(r"[ \t]+", data[: attributes.start()] if attributes else data)
    if attributes:
        words.append(NO_ATTRIBUTES if attributes[0].strip() == "{}" else SOME_ATTRIBUTES)
    return words


def excerpt(words: list[str]) -> str:
    """Words for a message, not too many."""
    return repr(" ".join(words)[:40])
