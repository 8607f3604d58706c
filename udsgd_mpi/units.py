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
