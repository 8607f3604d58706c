"""Numbers with units, for people."""


def in_bytes(number: float) -> str:
    """A number of bytes, to three digits."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def in_seconds(number: float) -> str:
    """A time in seconds, to three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number * 1e6:.3g} µs"


def in_duration(seconds: float) -> str:
    """A time of seconds to days, to the unit below the largest.

    Examples
    --------
    >>> in_duration(59), in_duration(61), in_duration(7300)
    ('59 s', '1 min 1 s', '2 h 1 min')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minute} min"
    return f"{minute} min {second} s" if minute else f"{second} s"
