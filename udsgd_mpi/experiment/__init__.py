"""Experiments: from a TOML file and flags to checked settings."""
