"""Times as users write them, such as 90s, 5m, 2h or 1h30m."""

import re

_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PARTS = re.compile("".join(rf"(?:(?P<{unit}>[0-9.]+){unit})?" for unit in _UNITS))


def seconds_of(text: str) -> float:
    """Seconds of a time such as 90s, 5m, 2h or 1h30m.

    Raises
    ------
    ValueError
        If it is none, or not above 0.

    Examples
    --------
    >>> seconds_of("5m"), seconds_of("1h30m")
    (300.0, 5400.0)
    """
    parts = _PARTS.fullmatch(text)
    numbers = parts.groupdict("0") if parts else {}
    try:
        time = sum(float(number) * _UNITS[unit] for unit, number in numbers.items())
    except ValueError:
        time = 0.0
    if not 0 < time < float("inf"):
        raise ValueError(f"expected a time such as 90s, 5m, 2h or 1h30m, got {text!r}")
    return time
