"""Numbers with units, for people."""


def in_bytes(number: float) -> str:
    """A number of bytes, to three digits."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"
