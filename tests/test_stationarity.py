"""Series with a trend or a season are told from stationary ones, however these are correlated."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import kstest

from tests.test_stream import posed
from udsgd_mpi.forecast.stationarity import Unsteady, unsteady
from udsgd_mpi.preflight.cautions import cautions, foretell
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.theory.stationarity import SHORTEST, stationarity

LENGTH, HALF = 4000, 128


def autoregressive(phi: float, series: int, length: int = LENGTH) -> np.ndarray:
    """Stationary, of variance 1, shape (length, series)."""
    noise = np.random.default_rng(5).normal(size=(length + 300, series))
    return np.asarray(lfilter([np.sqrt(1 - phi**2)], [1, -phi], noise, axis=0)[300:])


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.95])
def test_false_alarms_are_as_many_as_said_however_correlated(phi: float) -> None:
    """Of 2,000 series; a count beyond four standard errors has a probability of 1e-4."""
    found = stationarity(autoregressive(phi, 2000), HALF)
    for chance in (found.drift, found.season):
        for level in (0.01, 0.05):
            expected = 2000 * level
            # The mean of neighbours is not quite the spectrum: a fifth more at φ = 0.95.
            most = expected * (1 + 0.2 * (phi > 0.9)) + 4 * np.sqrt(expected)
            assert (chance < level).sum() < most
    if phi == 0:
        assert kstest(found.drift, "uniform").pvalue > 1e-3
        assert (found.season < 0.05).mean() > 0.03


@pytest.mark.parametrize("phi", [0.0, 0.9, 0.95])
def test_trends_steps_and_seasons_are_found_within_correlated_noise(phi: float) -> None:
    """The period, between two frequencies, is the hardest; its amplitude is 0.5 for phi = 0."""
    noise = autoregressive(phi, 100)
    t = np.arange(LENGTH)[:, None] / LENGTH
    spread = np.sqrt((1 + phi) / (1 - phi) / LENGTH)  # of the mean of all
    trend = stationarity(noise + 40 * spread * t, HALF)
    step = stationarity(noise + 40 * spread * (t > 0.6), HALF)
    season = stationarity(noise + 30 * spread * np.cos(2 * np.pi * 7.5 * t), HALF)
    for found in (trend.drift, step.drift, season.season):
        assert (found < 1e-4).mean() > 0.95
    np.testing.assert_allclose(season.period, LENGTH / 7.5, rtol=0.1)


def test_short_seasons_and_series_without_variance_raise_no_alarm() -> None:
    t = np.arange(LENGTH)
    x = np.stack([np.zeros(LENGTH), np.cos(2 * np.pi * t / 24)], axis=1)
    x[:, 1] += autoregressive(0.0, 1)[:, 0]
    found = stationarity(x, HALF)
    assert found.drift[0] == found.season[0] == 1
    assert found.season[1] > 0.01
    assert stationarity(x, 20).season[1] < 1e-9
    assert stationarity(x[:SHORTEST], SHORTEST).season[1] == 1


def values() -> list[np.ndarray]:
    """Of four agents: stationary, with a trend, with a season, and with both, which is short."""
    noise, t = autoregressive(0.9, 4), np.arange(LENGTH)
    season = np.cos(2 * np.pi * t / 500)
    parts = [noise[:, 0], noise[:, 1] + 5 * t / LENGTH, noise[:, 2] + 2 * season]
    return [*parts, (noise[:, 3] + season + 5 * t / LENGTH)[:300]]


def test_agents_are_named_with_what_was_seen_and_what_it_means(tmp_path: Path) -> None:
    problem = posed(tmp_path, values())
    team = LoneTeam(4)
    assert [(each.agent, each.drifts) for each in unsteady(problem, team)] == [
        (1, True),
        (2, False),
    ]
    assert unsteady(problem, team)[1].period == 500
    said = [text for text in cautions(problem, foretell(problem, team)) if "stationary" in text]
    (text,) = said
    assert "change slowly over the whole series (agent 1) and" in text
    assert "a season of about 500 steps (agent 2)" in text
    assert "from batches of 64 steps" in text


@pytest.mark.parametrize("sampler", ["iid", "single_shuffling"])
def test_samplers_that_keep_no_order_are_not_warned_of(sampler: str, tmp_path: Path) -> None:
    groups = {"all": {"sampler": sampler, "batch": 1}}
    assert unsteady(posed(tmp_path, values(), groups=groups), LoneTeam(4)) == []


def test_series_that_are_gone_through_within_the_run_are_not_warned_of(tmp_path: Path) -> None:
    """Their U is 0 by theory: agent 3 goes round, and so do all in many steps."""
    assert unsteady(posed(tmp_path, values()[3:]), LoneTeam(1)) == []
    assert unsteady(posed(tmp_path, values(), steps=LENGTH), LoneTeam(4)) == []
    (found,) = unsteady(posed(tmp_path, values()[3:], steps=299), LoneTeam(1))
    assert found == Unsteady(0, True, found.period)
