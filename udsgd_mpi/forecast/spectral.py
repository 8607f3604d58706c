"""U of a sampler of which no theory is known, from its paths: the spectrum at frequency zero.

With means of batches of m points, m Cov(mean) = U − B/m + o(1/m), whatever B is. So
2 U_m − U_{m/2} is free of B: lugsail batch means (Vats and Flegal, Biometrika 2022).
"""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel

Floats = NDArray[np.float64]

_SHORTEST = 64  # of a batch


def half_batch(steps: int) -> int:
    """Half of the length of batches, where so many steps will be seen at least."""
    # Longer than a slow sampler remembers, and still many with those of all paths.
    length = 2 ** max(0, round(np.log2(max(steps, 1)) * 2 / 3))
    return int(max(_SHORTEST, length) // 2)


class LongRunCovariance:
    """Estimates U from the values along paths of one agent, block by block.

    The first batch is left out, as paths may not be stationary yet.

    Parameters
    ----------
    g
        g(x) − E_π g of each point, shape (points, d).
    trials
        Number of paths.
    steps
        That will be seen at least.
    """

    def __init__(self, g: Floats, trials: int, steps: int) -> None:
        self._half = half_batch(steps)
        self._g = g
        d = g.shape[1]
        self._sum = np.zeros((trials, d))
        self._filled = 0
        self._before = self._sum
        self._halves = 0
        self._batches = [_Batches(trials, d) for _ in range(2)]

    def __call__(self, X: NDArray[np.int32]) -> None:
        """See the next points, shape (steps, trials)."""
        while len(X):
            part = X[: self._half - self._filled]
            add_up(part, self._g, self._sum)
            self._filled += len(part)
            X = X[len(part) :]
            if self._filled == self._half:
                self._end_of_half()

    def _end_of_half(self) -> None:
        now, self._sum, self._filled = self._sum, np.zeros_like(self._sum), 0
        self._halves += 1
        if self._halves <= 2:
            return
        halves, wholes = self._batches
        halves.add(now)
        if self._halves % 2 == 0:
            wholes.add(self._before + now)
        self._before = now

    def estimate(self, weights: Floats) -> tuple[Floats, float]:
        """U, shape (d, d), and the standard error of Σ_a weights_a U_aa.

        NaN where too few points were seen.
        """
        halves, wholes = self._batches
        if wholes.number < 2:
            d = self._g.shape[1]
            return np.full((d, d), np.nan), float("nan")
        mean = halves.total.sum(axis=0) / (halves.number * self._half * len(halves.total))
        U, of_trials = (
            2 * whole - half
            for whole, half in zip(
                wholes.covariance(2 * self._half, mean),
                halves.covariance(self._half, mean),
                strict=True,
            )
        )
        each = of_trials @ weights
        return U, float(each.std(ddof=1) / np.sqrt(len(each)))


class _Batches:
    """Moments of sums over batches.

    Attributes
    ----------
    number
        Of batches in each trial.
    total
        Sums over all batches of a trial, shape (trials, d).
    """

    def __init__(self, trials: int, d: int) -> None:
        self.number = 0
        self.total = np.zeros((trials, d))
        self._squares = np.zeros((trials, d))
        self._products = np.zeros((d, d))

    def add(self, sums: Floats) -> None:
        """Add a batch of each trial."""
        self.number += 1
        self.total += sums
        self._squares += sums**2
        self._products += sums.T @ sums

    def covariance(self, length: int, mean: Floats) -> tuple[Floats, Floats]:
        """Cov of batch means times m over all trials, and its diagonal in each, about a mean."""
        trials, sums = len(self.total), length * mean
        crossed = np.outer(self.total.sum(axis=0), sums)
        products = self._products - crossed - crossed.T
        of_all = products / (trials * self.number) + np.outer(sums, sums)
        squares = (self._squares - 2 * self.total * sums) / self.number + sums**2
        return of_all / length, squares / length


@kernel("void(int32[:, :], float64[:, ::1], float64[:, ::1])")
def add_up(X: NDArray[np.int32], g: Floats, out: Floats) -> None:
    """Add the g of the points X (steps, trials) to ``out`` (trials, d)."""
    steps, trials = X.shape
    for n in range(steps):
        for t in range(trials):
            for a in range(g.shape[1]):
                out[t, a] += g[X[n, t], a]
