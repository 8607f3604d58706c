"""Independent, slow and plain versions of what the package computes; no code is shared."""

import math
from collections.abc import Callable, Iterator

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

START, SAMPLING = 4, 5
_MASK = 0xFFFFFFFF


def philox4x32_10(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 as in Salmon et al. (2011), figure 2."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) & _MASK, (k[1] + 0xBB67AE85) & _MASK]
    return c


def bits(seed: int, purpose: int, agent: int, trial: int, n: int) -> int:
    """The 64 random bits of a step."""
    words = philox4x32_10([n // 2, purpose, agent, trial], [seed & _MASK, seed >> 32])
    high, low = words[2 * (n % 2) : 2 * (n % 2) + 2]
    return (high << 32) | low


def pick(random_bits: int, count: int) -> int:
    """Index of {0, …, count − 1}: ⌊U · count⌋ for U = bits / 2⁶⁴."""
    return random_bits * count >> 64


def iid_path(points: int, seed: int, agent: int, trial: int) -> Iterator[int]:
    n = 0
    while True:
        yield pick(bits(seed, SAMPLING, agent, trial, n), points)
        n += 1


def walk(
    kind: str, graph: nx.Graph, seed: int, agent: int, trial: int, alpha: float = 0, b: float = 1
) -> Iterator[int]:
    """SRW, NBRW or SRRW by their definitions, the last with the full vector x of eq. 90."""
    nodes = len(graph)
    x = pick(bits(seed, START, agent, trial, 0), nodes)
    previous = None
    degree = np.array([graph.degree(v) for v in range(nodes)], dtype=float)
    target = degree / degree.sum()
    visits = np.full(nodes, 1 / nodes)
    n = 0
    while True:
        yield x
        u = bits(seed, SAMPLING, agent, trial, n)
        neighbours = sorted(graph[x])
        if kind == "nbrw" and previous is not None and len(neighbours) > 1:
            neighbours.remove(previous)
        if kind == "srrw":
            logs = [-alpha * math.log(visits[j] / target[j]) for j in neighbours]
            powers = np.exp(np.array(logs) - max(logs))
            cumulative = np.cumsum(powers)
            chosen = int(np.searchsorted(cumulative, (u >> 11) / 2**53 * cumulative[-1], "right"))
        else:
            chosen = pick(u, len(neighbours))
        previous, x = x, neighbours[chosen]
        beta = (n + 2) ** -b
        visits *= 1 - beta
        visits[x] += beta
        n += 1


def shuffled(points: int, seed: int, agent: int, trial: int, epochs: int) -> Iterator[int]:
    """Fisher–Yates, one exchange a step, then the same order again and again."""
    order = list(range(points))
    n = 0
    while True:
        k = n % points
        if n < epochs * points:
            j = k + pick(bits(seed, SAMPLING, agent, trial, n), points - k)
            order[k], order[j] = order[j], order[k]
        yield order[k]
        n += 1


def metropolis_walk(
    graph: nx.Graph, seed: int, agent: int, trial: int, alpha: float, b: float
) -> Iterator[int]:
    """MHRW for the target ∝ (x_i)^(−α), with the full vector x of eq. 90."""
    nodes = len(graph)
    x = pick(bits(seed, START, agent, trial, 0), nodes)
    visits = np.full(nodes, 1 / nodes)
    n = 0
    while True:
        yield x
        neighbours = sorted(graph[x])
        y = neighbours[pick(bits(seed, SAMPLING, agent, trial, 2 * n), len(neighbours))]
        u = (bits(seed, SAMPLING, agent, trial, 2 * n + 1) >> 11) / 2**53
        target = (visits[y] / visits[x]) ** -alpha
        if u < target * graph.degree(x) / graph.degree(y):
            x = y
        beta = (n + 2) ** -b
        visits *= 1 - beta
        visits[x] += beta
        n += 1


def unit(random_bits: int) -> float:
    """Number of [0, 1) with 53 random bits."""
    return (random_bits >> 11) / 2**53


def chain(P: Floats, seed: int, agent: int, trial: int) -> Iterator[int]:
    """A Markov chain by alias tables, with fractions of a row's mean in exact order."""
    tables = [alias_table(row) for row in P]
    x = pick(bits(seed, START, agent, trial, 0), len(P))
    n = 0
    while True:
        yield x
        columns, aliases, stays = tables[x]
        scaled = bits(seed, SAMPLING, agent, trial, n) * len(columns)
        k = scaled >> 64
        x = columns[k] if unit(scaled % 2**64) < stays[k] else aliases[k]
        n += 1


def alias_table(row: Floats) -> tuple[list[int], list[int], list[float]]:
    """Vose's: the last of those below the mean is filled up by the last of the others."""
    columns = np.flatnonzero(row).tolist()
    left = [float(row[y] / row.sum()) * len(columns) for y in columns]
    aliases, stays = list(columns), [1.0] * len(columns)
    small = [k for k, value in enumerate(left) if value < 1]
    large = [k for k, value in enumerate(left) if value >= 1]
    while small and large:
        few, many = small.pop(), large[-1]
        stays[few], aliases[few] = left[few], columns[many]
        left[many] -= 1 - left[few]
        if left[many] < 1:
            small.append(large.pop())
    return columns, aliases, stays


def replayed(visits: list[int], seed: int, agent: int, trial: int) -> Iterator[int]:
    """Recorded visits from a uniform place on, again and again."""
    n = pick(bits(seed, START, agent, trial, 0), len(visits))
    while True:
        yield visits[n % len(visits)]
        n += 1


def lazy_walk(graph: nx.Graph, stay: float, seed: int, agent: int, trial: int) -> Iterator[int]:
    """SRW that stays with some probability."""
    x = int(unit(bits(seed, START, agent, trial, 0)) * len(graph))
    n = 0
    while True:
        yield x
        u = unit(bits(seed, SAMPLING, agent, trial, n))
        if u >= stay:
            neighbours = sorted(graph[x])
            x = neighbours[int((u - stay) / (1 - stay) * len(neighbours))]
        n += 1


def levy_jumps(points: int, exponent: float, seed: int, agent: int, trial: int) -> Iterator[int]:
    """Jumps of k points on a circle with probability ∝ k^(−exponent), to either side."""
    weights = [k**-exponent for k in range(1, points // 2 + 1)]
    x = int(unit(bits(seed, START, agent, trial, 0)) * points)
    n = 0
    while True:
        yield x
        signed = 2 * unit(bits(seed, SAMPLING, agent, trial, n)) - 1
        left, k = abs(signed) * sum(weights), 0
        while k < len(weights) - 1 and left >= weights[k]:
            left -= weights[k]
            k += 1
        x = (x + (k + 1 if signed >= 0 else -k - 1)) % points
        n += 1


def metropolis(graph: nx.Graph) -> Floats:
    """w_ij = min(1/d_i, 1/d_j) for neighbours, the rest on the diagonal."""
    n = len(graph)
    W = np.zeros((n, n))
    for i in range(n):
        for j in graph[i]:
            W[i, j] = min(1 / graph.degree(i), 1 / graph.degree(j))
        W[i, i] = 1 - W[i].sum()
    return W


def logistic_gradient(theta: Floats, x: Floats, y: float, l2: float) -> Floats:
    """Gradient of eq. 15 at one point."""
    return np.asarray(x * (1 / (1 + math.exp(-float(theta @ x))) - y) + l2 * theta)


def descent(kind: str, **settings: float) -> Callable[[Floats, Floats, float, int], Floats]:
    """θ after a step of a method, given θ, its gradient, γ and n; keeps what the method remembers.

    As the documentation of PyTorch's SGD, Adam and AdamW has them.
    """
    decay, beta = settings.get("weight_decay", 0.0), settings.get("beta", 0.0)
    first, second = np.zeros(1), np.zeros(1)

    def step(theta: Floats, gradient: Floats, gamma: float, n: int) -> Floats:
        nonlocal first, second
        if kind == "adam":
            theta = theta - gamma * decay * theta
            beta1, beta2 = settings["beta1"], settings["beta2"]
            first = beta1 * first + (1 - beta1) * gradient
            second = beta2 * second + (1 - beta2) * gradient**2
            mean, square = first / (1 - beta1**n), second / (1 - beta2**n)
            return np.asarray(theta - gamma * mean / (np.sqrt(square) + settings["epsilon"]))
        gradient = gradient + decay * theta
        first = beta * first + gradient
        ahead = gradient + beta * first if kind == "nesterov" else first
        return np.asarray(theta - gamma * ahead)

    return step
