"""Every partition shares out each row at most once, and says what is left over."""

import numpy as np
import pytest

from tests.contracts import WithoutRuns
from udsgd_mpi.data.partition import (
    ByLabel,
    CustomPartition,
    Dirichlet,
    Even,
    Shared,
    Unequal,
)
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing import PartitionContract
from udsgd_mpi.testing.partitions import LABELS


class OwnContract(WithoutRuns, PartitionContract):
    """The same, without runs."""

    def test_another_seed_gives_other_rows(self) -> None:
        rows, other = (self.share(seed).rows for seed in (1, 2))
        same = all(np.array_equal(a, b) for a, b in zip(rows, other, strict=True))
        assert same != self.disjoint


class TestEven(OwnContract):
    partition = Even()

    def test_sizes(self) -> None:
        rows, left_over = Even().share(LABELS, 7, seed=1)
        assert {len(part) for part in rows} == {14}
        assert left_over == 5
        assert Even(points=10).share(LABELS, 7, seed=1).left_over == 33

    @pytest.mark.parametrize(("points", "agents"), [(None, 104), (20, 6)])
    def test_too_few_rows(self, points: int | None, agents: int) -> None:
        with pytest.raises(ConfigurationError, match="got 103 rows"):
            Even(points=points).share(LABELS, agents, seed=1)


class TestByLabel(OwnContract):
    partition = ByLabel()

    def test_agents_see_few_labels(self) -> None:
        rows, _ = ByLabel().share(LABELS, 7, seed=1)
        assert [len(np.unique(LABELS[part])) for part in rows] == [1, 1, 1, 2, 1, 2, 1]


class TestUnequal(OwnContract):
    partition = Unequal(sizes=[40, 30, 10, 5, 4, 3, 1])

    def test_sizes(self) -> None:
        rows, left_over = self.partition.share(LABELS, 7, seed=1)
        assert [len(part) for part in rows] == [40, 30, 10, 5, 4, 3, 1]
        assert left_over == 10

    @pytest.mark.parametrize("sizes", [[1, 2], [100] * 7])
    def test_sizes_must_fit(self, sizes: list[int]) -> None:
        with pytest.raises(ConfigurationError, match="expected 7 sizes"):
            Unequal(sizes=sizes).share(LABELS, 7, seed=1)


class TestDirichletOfOneSize(OwnContract):
    partition = Dirichlet(alpha=0.5, points=14)

    def test_sizes(self) -> None:
        rows, left_over = self.partition.share(LABELS, 7, seed=1)
        assert {len(part) for part in rows} == {14}
        assert left_over == 5

    def test_proportions_are_dirichlet(self) -> None:
        """Agent 0's share of label 0 over seeds: mean p, and variance p (1 − p) / (α + 1).

        Rows beyond 14 of 50 leave that of a multinomial draw on top.
        """
        p, alpha, seeds = 50 / 103, 2.0, 4000
        partition = Dirichlet(alpha=alpha, points=14)
        first = [partition.share(LABELS, 1, seed)[0][0] for seed in range(seeds)]
        shares = np.array([np.mean(LABELS[part] == 0) for part in first])
        dirichlet = p * (1 - p) / (alpha + 1)
        variance = dirichlet + (p * (1 - p) - dirichlet) / 14
        assert abs(shares.mean() - p) < 4 * np.sqrt(variance / seeds)
        squares = (shares - p) ** 2
        assert abs(squares.mean() - variance) < 4 * squares.std() / np.sqrt(seeds)

    def test_small_alpha_leaves_agents_few_labels(self) -> None:
        def labels(alpha: float) -> float:
            rows, _ = Dirichlet(alpha=alpha, points=10).share(LABELS, 7, seed=1)
            return float(np.mean([len(np.unique(LABELS[part])) for part in rows]))

        assert labels(0.01) < 2 < labels(100) <= 3

    def test_too_few_rows(self) -> None:
        with pytest.raises(ConfigurationError, match="got 103 rows"):
            Dirichlet(points=20).share(LABELS, 6, seed=1)

    def test_a_size_below_the_minimum_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at most the 3 points"):
            Dirichlet(points=3, minimum=4)


class TestDirichlet(OwnContract):
    partition = Dirichlet(alpha=0.5)

    def test_small_alpha_is_uneven_and_large_alpha_even(self) -> None:
        def spread(alpha: float) -> float:
            rows, left_over = Dirichlet(alpha=alpha).share(LABELS, 7, seed=1)
            assert left_over == 0
            shares = [np.bincount(LABELS[part].astype(int), minlength=3) for part in rows]
            return float(np.std(shares, axis=0).mean())

        assert spread(1e6) < 1 < spread(0.3)

    def test_minimum(self) -> None:
        rows, _ = Dirichlet(alpha=0.3, minimum=5).share(LABELS, 7, seed=1)
        assert min(len(part) for part in rows) >= 5

    def test_an_agent_that_stays_empty_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match=r"agent \d+ got \d+ in the last"):
            Dirichlet(alpha=1e-3, minimum=10).share(LABELS, 7, seed=1)


class TestShared(OwnContract):
    partition = Shared()
    disjoint = False

    def test_everybody_has_everything(self) -> None:
        rows, left_over = Shared().share(LABELS, 7, seed=1)
        assert all((part == np.arange(103)).all() for part in rows)
        assert left_over == 0


class TestCustom(OwnContract):
    """A user's class, here shares of one size once more."""

    partition = CustomPartition(path="tests.own_partition:Shuffled")

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([[0], [1]], "expected rows of 3 agents, got 2"),
            ([[0], [], [2]], "rows of agent 1: expected whole numbers, one at least"),
            ([[0], [1.5], [2]], "rows of agent 1: expected whole numbers, one at least, got float"),
            ([[0], [1], [103]], "rows of agent 2: expected numbers from 0 to 102, got 103"),
            ([[-1], [1], [2]], "rows of agent 0: expected numbers from 0 to 102, got -1"),
            ([[0, 4, 0], [1], [2]], "rows of agent 0: expected each row once, got row 0 more than"),
            (7, "TypeError"),
        ],
    )
    def test_rows_that_are_none(self, rows: object, message: str) -> None:
        partition = CustomPartition(path="tests.own_partition:Given", arguments={"rows": rows})
        with pytest.raises(ConfigurationError, match=f"partition tests.own_.*{message}"):
            partition.share_points(np.ones((103, 2)), LABELS, 3, seed=1)

    def test_what_agents_share_is_not_left_over(self) -> None:
        given = {"rows": [[0, 1], [1, 2], [2, 3]]}
        partition = CustomPartition(path="tests.own_partition:Given", arguments=given)
        assert partition.share_points(np.ones((103, 2)), LABELS, 3, seed=1).left_over == 99
