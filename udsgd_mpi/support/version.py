"""The version of this package; it stands below all that tells it."""

__version__ = "0.1.0"
