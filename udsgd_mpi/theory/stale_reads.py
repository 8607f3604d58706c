"""What stale reads do to the average of all agents.

At the l-th aggregation θ^i ← Σ_j w_ij h^j_{l−τ} with half-steps h_l and delays τ = τ_ij(l) that are
independent and uniform on {0, …, S}, but τ_ii = 0. In expectation over these,

    Φ_l = (1/N) Σ_j h^j_l + (1/N) Σ_{k=1}^{S} Σ_j (Σ_{i≠j} w_ij) P(τ ≥ k) h^j_{l−k}

is kept where W is doubly stochastic, and is (1 + c) θ where all have been at θ, with
c = (1/N) Σ_{i≠j} w_ij E τ. What an agent moves in h_l changes Φ by 1/N of it, whoever it is: none
counts more than others, θ comes to θ*, and the average takes steps of γ / (1 + c).

Delays also add noise. Half-steps of different aggregations differ by gradient noise and by what
agents disagree, both of order γ, so that Σ_j w_ij (h^j_{l−τ} − E_τ h^j_{l−τ}) is of the order of
the gradient noise itself. It is a martingale difference, uncorrelated with the samplers' noise,
and makes agents disagree as that does. Where draws of agent i are independent with covariance U_i,
the average has noise of (1/N²) Σ_i (1 + t_i) U_i.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]

_CONVERGED = 1e-9
_MOST_WORK = 4 * 10**9  # numbers of all responses; some seconds
_MOST_NUMBERS = 2**24  # of those that are held at once, on every process


def noise_of_delays(W: "csr_array", staleness: int) -> Floats | None:
    """What delays add to the noise of each agent's independent draws, t_i; shape (N,).

    With x_k, shape (N, N), what unit noise in h of the agent of each column is to all in
    expectation k aggregations later, the delays' own variance at sender j comes to
    E = Σ_k Var_s x_{k−s}, s uniform, and receiver i gets w_ij² of it. That is noise in h again:
    all that is added is 1ᵀ M + 1ᵀ M² + … with M = (w_ij²)_{i≠j} E.

    None where agents take too long to agree for these sums, or are too many for them.

    Parameters
    ----------
    W
        Doubly stochastic, shape (N, N).
    staleness
        S.
    """
    from scipy.sparse import diags_array

    N, parts = W.shape[0], staleness + 1
    if parts * N**2 > _MOST_NUMBERS:
        return None
    own = W.diagonal()
    others = (W - diags_array(own)).tocsr()
    past, spread = np.zeros((parts, N, N)), np.zeros((N, N))
    past[0] = np.eye(N)
    for k in range(_MOST_WORK // (parts * N**2)):
        mean = past.mean(axis=0)
        added = ((past - mean) ** 2).mean(axis=0)
        spread += added
        if added.sum() <= _CONVERGED * spread.sum():
            M = others.power(2) @ spread
            return np.asarray(np.linalg.solve(np.eye(N) - M.T, M.sum(axis=0)))
        past[(k + 1) % parts] = own[:, None] * past[k % parts] + others @ mean
    return None
