"""Text that becomes names, titles, paths and lines of scripts."""

import unicodedata

from udsgd_mpi.support.errors import ConfigurationError

# Controls, NUL and new lines among them; halves of characters, which stand for bytes that are not
# text; and separators of lines and paragraphs.
_REFUSED = ("Cc", "Cs", "Zl", "Zp")
_SHOWN = 60


def require_one_line(text: str, name: str) -> None:
    """Refuse text that would not stay in its line, or in its word.

    Raises
    ------
    ConfigurationError
        With the first character that is refused; ``name`` says what the text is.
    """
    bad = next((k for k, c in enumerate(text) if unicodedata.category(c) in _REFUSED), None)
    if bad is not None:
        raise ConfigurationError(
            f"{name}: expected one line of text without control characters, got {text[bad]!r} in"
            f" {shown(text[max(0, bad - _SHOWN // 2) :])}; leave it out"
        )


def require_name(text: str, name: str, most: int) -> None:
    """Refuse text that is longer than ``most`` bytes, as no file may have a longer name.

    Raises
    ------
    ConfigurationError
        With the length.
    """
    require_one_line(text, name)
    length = len(text.encode())
    if length > most:
        raise ConfigurationError(
            f"{name}: expected at most {most} bytes, got {length:,} in {shown(text)}; use a shorter"
            " name"
        )


def shown(value: object) -> str:
    """A value in a message, shortened where it is long."""
    text = repr(value)
    return text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]} … {text[-_SHOWN:]}"
