"""Methods as a user writes them, and wrong ones."""

from typing import Any

import numpy as np

Numbers = np.ndarray


class HeavyBall:
    """v ← β v + g, θ ← θ − γ v."""

    states: Any = {"velocity": "local"}  # noqa: RUF012 - as users write it

    def __init__(self, beta: float = 0.9) -> None:
        self.beta = beta

    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int, velocity: Numbers) -> Any:
        """θ_n, and what is remembered."""
        velocity = self.beta * velocity + slope
        return theta - gamma * velocity, {"velocity": velocity}


class Plain:
    """θ ← θ − γ g."""

    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int) -> Any:
        """θ_n."""
        return theta - gamma * slope


class NoStep:
    """A class of something else."""


class InPlace(Plain):
    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int) -> Any:
        theta -= gamma * slope
        return theta


class Nothing(Plain):
    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int) -> Any:
        return None


class OneTrial(Plain):
    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int) -> Any:
        return super().step(theta, slope, gamma, n)[0]


class Counting(Plain):
    calls = 0

    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int) -> Any:
        self.calls += 1
        return super().step(theta, slope, gamma / self.calls, n)


class OverTrials(Plain):
    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int) -> Any:
        return super().step(theta, slope / np.linalg.norm(slope), gamma, n)


class Forgetful(HeavyBall):
    def step(self, *arguments: Any, **states: Any) -> Any:
        return super().step(*arguments, **states)[0]


class OtherName(HeavyBall):
    def step(self, *arguments: Any, **states: Any) -> Any:
        theta, kept = super().step(*arguments, **states)
        return theta, {"speed": kept["velocity"]}


class OtherShape(HeavyBall):
    def step(self, *arguments: Any, **states: Any) -> Any:
        theta, kept = super().step(*arguments, **states)
        return theta, {"velocity": kept["velocity"][:, :1]}


class Tracking(HeavyBall):
    states = {"velocity": "local", "tracked": "mixed"}  # noqa: RUF012


class NoMapping(HeavyBall):
    states = ("velocity",)


class NoKind(HeavyBall):
    states = {"velocity": "shared"}  # noqa: RUF012 - as users write it


class NoName(HeavyBall):
    states = {"gamma": "local"}  # noqa: RUF012


class Raising(Plain):
    def step(self, theta: Numbers, slope: Numbers, gamma: float, n: int) -> Any:
        raise KeyError(n)
