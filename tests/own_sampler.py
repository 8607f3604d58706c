"""Samplers as users write them: NumPy arrays in, NumPy arrays out, all trials at once."""

from typing import Any

import numpy as np


class LazyWalk:
    """Stay with probability ``stay``, or go to a uniform neighbour; with its theory."""

    on_graph = True
    memory = ("at",)

    def __init__(self, points: int, graph: Any, stay: float = 0.5) -> None:
        self.points, self.graph, self.stay = points, graph, stay
        self.degree = np.diff(graph.indptr)

    def start(self, uniforms: np.ndarray) -> None:
        """Begin at a uniform point."""
        self.at = (uniforms * self.points).astype(int)

    def draw(self, steps: int, uniforms: np.ndarray) -> np.ndarray:
        """The next points, shape (steps, trials)."""
        out = np.empty(uniforms.shape, dtype=int)
        for n in range(steps):
            out[n] = self.at
            u = (uniforms[n] - self.stay) / (1 - self.stay)
            k = (np.maximum(u, 0) * self.degree[self.at]).astype(int)
            there = self.graph.indices[self.graph.indptr[self.at] + k]
            self.at = np.where(u < 0, self.at, there)
        return out

    def transition_matrix(self) -> np.ndarray:
        """P, shape (points, points)."""
        walk = self.graph.toarray() / self.degree[:, None]
        return self.stay * np.eye(self.points) + (1 - self.stay) * walk


class LevyJumps:
    """Points on a circle; jumps of k points in either direction have a law ∝ k^(−exponent)."""

    memory = ("at",)

    def __init__(self, points: int, _graph: None, exponent: float = 1.5) -> None:
        self.points = points
        weights = np.arange(1.0, points // 2 + 1) ** -exponent
        self.ends = np.cumsum(weights[:-1]) / weights.sum()

    def start(self, uniforms: np.ndarray) -> None:
        """Begin at a uniform point."""
        self.at = (uniforms * self.points).astype(int)

    def draw(self, steps: int, uniforms: np.ndarray) -> np.ndarray:
        """The next points, shape (steps, trials)."""
        signed = 2 * uniforms - 1
        length = 1 + np.searchsorted(self.ends, abs(signed), side="right")
        jumps = np.where(signed < 0, -length, length)
        at = (self.at + np.cumsum(jumps, axis=0)) % self.points
        out = np.concatenate([self.at[None], at[:-1]])
        self.at = at[-1]
        return out


class Metropolis:
    """The Metropolis–Hastings walk, by two numbers a step; its law is told, its theory is not."""

    on_graph = True
    uniforms_per_step = 2
    memory = ("at", "drawn")

    def __init__(self, points: int, graph: Any) -> None:
        self.points, self.graph = points, graph
        self.degree = np.diff(graph.indptr)
        self.drawn = 0

    def start(self, uniforms: np.ndarray) -> None:
        """Begin at a uniform point."""
        self.at = (uniforms[0] * self.points).astype(int)

    def draw(self, steps: int, uniforms: np.ndarray) -> np.ndarray:
        """The next points, shape (steps, trials)."""
        out = np.empty((steps, uniforms.shape[2]), dtype=np.int32)
        self.drawn += steps
        for n, (propose, accept) in enumerate(uniforms):
            out[n] = self.at
            degree = self.degree[self.at]
            k = self.graph.indptr[self.at] + (propose * degree).astype(int)
            there = self.graph.indices[k]
            self.at = np.where(accept * self.degree[there] < degree, there, self.at)
        return out

    def stationary_law(self) -> np.ndarray:
        """Uniform, shape (points,)."""
        return np.full(self.points, 1 / self.points)
