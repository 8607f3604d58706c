"""The covariance of iterates over trials, compared with the limit V."""

from collections.abc import Mapping
from textwrap import fill
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RANK = 1e-10
_SMALL = 0.01
_WIDTH = 100


class CovarianceTest(NamedTuple):
    """Empirical covariance against γ_n V.

    Attributes
    ----------
    ratio
        Mean ratio of the two over the directions in which V is not 0.
    p_value
        Two-sided; small values mean that the limit has not been reached, or is another.
    """

    ratio: float
    p_value: float


def empirical_covariance(theta: Floats) -> Floats:
    """Covariance over trials of ``theta`` (trials, d), shape (d, d)."""
    centred = theta - theta.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(theta) - 1))


def against_limit(theta: Floats, V: Floats, gamma: float) -> CovarianceTest | None:
    """Test that Cov(θ_n) = γ_n V: (T − 1) Tr((γ V)⁻¹ Ĉ) is χ² with r (T − 1) degrees of freedom.

    So it is for Gaussian θ_n, which Theorem 3.3 promises for large n; r is the rank of V.

    Parameters
    ----------
    theta
        θ_n of each trial, shape (trials, d).

    Returns
    -------
    None where there is a single trial, or no V, or V is 0.
    """
    trials = len(theta)
    if trials < 2 or not np.isfinite(V).all() or not V.any():
        return None
    from scipy.special import chdtr, chdtrc

    values, vectors = np.linalg.eigh(V)
    kept = values > _RANK * values[-1]
    turned = vectors[:, kept].T @ empirical_covariance(theta) @ vectors[:, kept]
    ratios = np.diag(turned) / (gamma * values[kept])
    freedom = len(ratios) * (trials - 1)
    statistic = ratios.sum() * (trials - 1)
    tail = min(chdtr(freedom, statistic), chdtrc(freedom, statistic))
    return CovarianceTest(float(ratios.mean()), float(min(1.0, 2 * tail)))


def in_words(found: Mapping[str, CovarianceTest]) -> str:
    """The tests of all variants in one paragraph, and what they mean."""
    ratios = ", ".join(
        f"{name} {each.ratio:.3g} (p = {each.p_value:.2g})" for name, each in found.items()
    )
    small = any(each.p_value < _SMALL for each in found.values())
    meaning = (
        "A small p means that the limit is not reached at this n; / predicted is for this n."
        if small
        else "As far as these trials can tell, it has reached its limit, 1."
    )
    return fill(
        f"covariance over trials / γₙV: {ratios}. {meaning}", _WIDTH, subsequent_indent="  "
    )
