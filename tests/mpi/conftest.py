"""What ranks that all run pytest must not share."""

from tempfile import TemporaryDirectory

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each a folder for temporary files, or they would clear away each other's old ones."""
    if config.option.basetemp is None:
        folder = TemporaryDirectory(prefix="pytest-")
        config.option.basetemp = folder.name
        config.add_cleanup(folder.cleanup)
