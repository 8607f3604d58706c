"""Plain stochastic gradient descent."""

from udsgd_mpi.methods.base import Method


class SGD(Method, frozen=True, tag="sgd"):
    """θ ← θ − γ w(X) ∇F(θ, X) (paper, eq. 1a)."""

    @property
    def momentum(self) -> float | None:
        return 0.0
