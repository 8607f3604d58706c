"""The functions of the package, for scripts and notebooks."""
