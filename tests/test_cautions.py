"""Warnings before a run say what is wrong with the mixing at hand, and what helps against it."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.small_problem import problem, write_points
from udsgd_mpi.preflight.cautions import Foretold, cautions
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.limit import check_step_size


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


def said(data: Path, **settings: object) -> list[str]:
    return [
        text
        for text in cautions(problem(data, "iid", trials=2, **settings), Foretold())
        if text.startswith("communication")
    ]


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ({"kind": "dsgd"}, 'use weights = "lazy"'),
        ({"kind": "dsgd_vt", "topologies": ["ring", "ring"]}, 'use weights = "lazy"'),
        ({"kind": "lsgd_pp", "participants": 1}, "use communication.participants = 2 or more"),
        ({"kind": "unreliable_links", "failure": 0.0}, "use communication.failure above 0"),
        ({"kind": "drop_out", "leave": 0.0}, "use communication.leave above 0"),
    ],
)
def test_a_pattern_that_never_mixes_is_named_with_a_remedy(
    data: Path, pattern: dict[str, object], remedy: str
) -> None:
    """Four agents on a ring, of even length."""
    (text,) = said(data, communication=pattern)
    assert "the agents never reach consensus" in text
    assert remedy in text


@pytest.mark.parametrize(
    "pattern",
    [
        {"kind": "dsgd", "weights": "lazy"},
        {"kind": "dsgd_vt", "topologies": ["ring", "complete"]},
        {"kind": "lsgd_pp", "participants": 2},
        {"kind": "unreliable_links", "failure": 1e-6},
        {"kind": "drop_out", "leave": 1e-6},
        {"kind": "random_matching"},
        {"kind": "hlsgd", "outer": 1000},
        {"kind": "centralized"},
    ],
)
def test_what_mixes_slowly_is_not_called_broken(data: Path, pattern: dict[str, object]) -> None:
    assert said(data, communication=pattern) == []


def test_stale_reads_leave_no_parts_where_w_alone_has_a_period(data: Path) -> None:
    """On a ring of four, of which WᵀW joins every other agent alone, but not W with delays."""
    pattern = {"kind": "dsgd", "staleness": 1}
    found = said(data, communication=pattern, topology="ring", steps=100, record={"steps": [100]})
    assert not [text for text in found if text.startswith("communication")]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({"kind": "dsgd", "weights": "lazy", "interval": 101}, "the agents never exchange"),
        ({"kind": "hlsgd", "outer": 101}, "leave the agents in parts"),
        ({"kind": "hlsgd", "outer": 100}, ""),
        ({"kind": "hlsgd", "outer": 101, "clusters": 1}, ""),
    ],
)
def test_aggregations_after_the_last_step_are_warned_of(
    data: Path, pattern: dict[str, object], message: str
) -> None:
    found = said(
        data, communication=pattern, topology="complete", steps=100, record={"steps": [100]}
    )
    assert len(found) == bool(message)
    assert all(message in text for text in found)


@pytest.mark.parametrize(
    ("beta", "factor", "warned"),
    [
        (0.0, 1.9, False),
        (0.0, 9.0, True),
        (0.5, 2.9, False),
        (0.5, 12.0, True),
        (0.9, 3.7, False),
        (0.9, 12.0, True),
    ],
)
def test_growth_is_that_of_the_heavy_ball(
    beta: float, factor: float, warned: bool, data: Path
) -> None:
    """Within a factor of three of the largest |Φ(n, 0)|, beside growth of many orders."""
    method = {"kind": "momentum", "beta": beta}
    posed = problem(data, "iid", trials=2, method=method)
    assert posed.optimum is not None
    L = posed.optimum.largest_curvature
    step_size = {"gamma": factor / L}
    posed = problem(data, "iid", trials=2, method=method, step_size=step_size)
    texts = [text for text in cautions(posed, Foretold()) if "errors grow" in text]
    assert len(texts) == warned
    if warned:
        largest, theta, velocity = 1.0, 1.0, 0.0
        for n in range(1, 200):
            velocity = beta * velocity + L * theta
            theta -= factor / L / n * velocity
            largest = max(largest, abs(theta))
        (stated,) = re.findall(r"grow about (\S+)-fold", texts[0])
        assert largest / 3 < float(stated) < 3 * largest
        below = 2 * (1 + beta) / L
        assert f"use gamma below {below:.3g}" in texts[0]


def test_a_step_size_too_small_for_the_limit_is_told_as_it_was_given(data: Path) -> None:
    """In warnings and refusals, of which 1/(2μ) is for γ/(1 − β)."""
    mu = float(np.linalg.eigvalsh(problem(data, "iid", trials=2).hessian)[0])
    for beta, bound in ((0.0, "1/(2μ)"), (0.8, "(1 − β)/(2μ)")):
        least = (1 - beta) / (2 * mu)
        for share, words in ((0.9, "is not above"), (1.1, "is barely above"), (2.0, "")):
            gamma = share * least
            method = {"kind": "momentum", "beta": beta}
            step_size = {"gamma": gamma}
            posed = problem(data, "iid", trials=2, method=method, step_size=step_size)
            texts = [
                text for text in cautions(posed, Foretold()) if f"gamma = {gamma:g} is" in text
            ]
            assert len(texts) == bool(words)
            assert all(f"{words} {bound} = {least:.4g}" in text for text in texts)
            if share < 1:
                expected = f"more than {bound} = {least:.6g}"
                with pytest.raises(ConfigurationError, match=re.escape(expected)) as refused:
                    check_step_size(mu, posed.experiment.step_size, beta)
                assert f"got {gamma:g}" in str(refused.value)
