"""Times as users write them, such as 90s, 5m, 2h or 1d."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: str) -> float:
    """Seconds of a time such as 90s, 5m, 2h or 1d.

    Raises
    ------
    ValueError
        If it is none, or not above 0.

    Examples
    --------
    >>> seconds_of("5m")
    300.0
    """
    number, unit = text[:-1], text[-1:]
    try:
        time = float(number) * _UNITS[unit]
    except (KeyError, ValueError):
        time = 0.0
    if not 0 < time < float("inf"):
        raise ValueError(f"expected a time such as 90s, 5m or 2h, got {text!r}")
    return time
