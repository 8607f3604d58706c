"""One cluster for all tests."""

from collections.abc import Iterator

import pytest

from tests.slurm.cluster import Cluster, cluster, lacking


@pytest.fixture(scope="session")
def slurm() -> Iterator[Cluster]:
    reason = lacking()
    if reason:
        pytest.skip(reason)
    with cluster() as started:
        yield started
