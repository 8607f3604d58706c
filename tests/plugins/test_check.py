"""``udsgd check`` says of a plug-in what it keeps, and in one line what it breaks."""

import re
from pathlib import Path

import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.testing import Contract, ContractError, PatternContract, SamplerContract
from udsgd_mpi.testing.families import contract_of
from udsgd_mpi.testing.graphs import DATA_GRAPHS, TOPOLOGIES
from udsgd_mpi.testing.verdicts import Outcome, verdicts

SAMPLER = """
import numpy as np

class Lazy:
    on_graph = True
    memory = ("at",)

    def __init__(self, points, graph, stay=0.5):
        self.points, self.graph, self.stay = points, graph, stay
        self.degree = np.diff(graph.indptr)

    def start(self, uniforms):
        self.at = (uniforms * self.points).astype(int)

    def draw(self, steps, uniforms):
        out = np.empty(uniforms.shape, dtype=int)
        for n in range(steps):
            out[n] = self.at
            u = (uniforms[n] - self.stay) / (1 - self.stay)
            k = (np.maximum(u, 0) * self.degree[self.at]).astype(int)
            there = self.graph.indices[self.graph.indptr[self.at] + k]
            self.at = np.where(u < 0, self.at, there)
        return out

    def transition_matrix(self):
        walk = self.graph.toarray() / self.degree[:, None]
        return self.stay * np.eye(self.points) + (1 - self.stay) * walk

class Forgetful(Lazy):
    memory = ()

class OfBlocks(Lazy):
    def draw(self, steps, uniforms):
        out = super().draw(steps, uniforms)
        self.at = out[-1].copy()
        return out

class OfTrials(Lazy):
    def draw(self, steps, uniforms):
        return super().draw(steps, np.roll(uniforms, 1, axis=1))

class Outside(Lazy):
    def draw(self, steps, uniforms):
        return super().draw(steps, uniforms) + (uniforms > 0.999) * self.points

class Random(Lazy):
    def draw(self, steps, uniforms):
        return super().draw(steps, np.random.default_rng().random(uniforms.shape))

class Lawless(Lazy):
    transition_matrix = None

class OtherTheory(Lazy):
    def transition_matrix(self):
        return self.graph.toarray() / self.degree[:, None]

class OfRuns(Lazy):
    def draw(self, steps, uniforms):  # with as many trials as a run, it stays where it is
        return super().draw(steps, uniforms * (uniforms.shape[1] != 200))

class OfProcess(Lazy):
    def draw(self, steps, uniforms):
        import os
        if uniforms.shape[1] == 5:  # trials of a run on ranks
            uniforms = (uniforms + os.getpid() / 1e4) % 1
        return super().draw(steps, uniforms)
"""
OBJECTIVE = """
class Ridge:
    def __init__(self, l2=0.1):
        self.l2 = l2

    def value(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y) ** 2 / 2 + self.l2 / 2 * (theta**2).sum(axis=1)

    def gradient(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y)[:, None] * x + self.l2 * theta

class WrongSign(Ridge):
    def gradient(self, *arguments):
        return -super().gradient(*arguments)

class Raising(Ridge):
    def gradient(self, *arguments):
        raise RuntimeError("not today")

class Rounding(Ridge):
    def gradient(self, theta, x, y):
        return super().gradient(theta, x, y) * (1 + 1e-15 * (len(theta) > 3))

class Concave(Ridge):
    def value(self, *arguments):
        return -super().value(*arguments)

    def gradient(self, *arguments):
        return -super().gradient(*arguments)

class Nothing:
    pass
"""

PATTERN = """
import numpy as np

class Gossip:
    def __init__(self, agents, topology):
        self.agents, self.edges = agents, np.argwhere(np.triu(topology.toarray()))

    def matrix(self, n, rng):
        i, j = self.edges[self.drawn(n, rng)]
        W = np.eye(self.agents)
        W[[i, i, j, j], [i, j, i, j]] = 0.5
        return W

    def drawn(self, n, rng):
        return rng.integers(len(self.edges))

class Late(Gossip):
    def matrix(self, n, rng):
        return super().matrix(n, rng) * (1.01 if n == 37 else 1)

class Counting(Gossip):
    calls = 0

    def drawn(self, n, rng):
        self.calls += 1
        return self.calls // 7 % len(self.edges)

class Apart(Gossip):
    def matrix(self, n, rng):
        return np.eye(self.agents)
"""
OTHERS = """
import numpy as np

class Beyond:
    def rows(self, features, labels, agents, rng):
        return [rows + 1 for rows in np.array_split(rng.permutation(len(labels)), agents)]

class Lacking:
    def read(self):
        return np.array([[1.0, 2.0], [np.nan, 3.0]]), np.ones(2)

class Random:
    def step(self, theta, slope, gamma, n):
        return theta - gamma * slope * np.random.default_rng().uniform()
"""
FILES = {"samplers": SAMPLER, "objectives": OBJECTIVE, "patterns": PATTERN, "others": OTHERS}


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with files of the user's own, tried on one graph to save time."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(f"own_{name}.py").write_text(text)
    monkeypatch.setattr(PatternContract, "topologies", {"star": TOPOLOGIES["star"]})
    monkeypatch.setattr(SamplerContract, "graphs", {"lollipop": DATA_GRAPHS["lollipop"]})


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("own", "broken"),
    [
        ("own_samplers:Forgetful", "a path goes on from its memory: X.* as memory"),
        ("own_samplers:OfBlocks", "the size of blocks does not matter: X.* block"),
        ("own_samplers:OfTrials", "a trial does not know the others: X.* of trial 0"),
        ("own_samplers:Outside", "draws are points: .* from 0 to 7, got .* for agent 3 at step"),
        ("own_samplers:Random", "the same numbers give the same path: X.* handed in"),
        ("own_samplers:OtherTheory", r"theory is that of its paths: Tr U .* \(z = \+\d+.\d\); "),
        ("own_samplers:Lawless", r"visits reach the stationary law: .* \(z = [+-]\d+.\d\); "),
        ("own_objectives:WrongSign", "the gradient is the slope of value: .* sign is wrong"),
        ("own_objectives:Raising", "the gradient .*own_objectives.py:18: RuntimeError: not today"),
        ("own_objectives:Rounding", "a local step has the same bits in any company: .*axis=1"),
        ("own_objectives:Concave", "the minimizer has no gradient: .* f has a maximum"),
        ("own_patterns:Late", "w is doubly stochastic: .* W at step 37: expected .*, got 1.01"),
        ("own_patterns:Counting", "w is the same on every rank and in any order: .*W_7"),
        ("own_patterns:Apart", "w brings the agents together: .* hear of all others"),
        ("own_others:Beyond", "every row is held once or left over: .* got 103"),
        ("own_others:Lacking", "points are finite: point 1 that agent 0 reads"),
        ("own_others:Random", "a step depends on its arguments: .* the same arguments, got two"),
    ],
)
def test_what_is_broken_has_one_line(
    own: str, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", own]) == 2
    said = capsys.readouterr()
    (line,) = (line for line in said.out.splitlines() if line.startswith("FAILED "))
    assert re.search(broken, line)
    assert f"{own} to keep its contract, got 1 broken property" in said.err


@pytest.mark.launcher
@pytest.mark.usefixtures("plugins")
def test_what_keeps_its_contract_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "own_samplers.py:Lazy", "--arguments", "{ stay = 0.3 }"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "sampler own_samplers.py:Lazy"
    assert len(lines) == 11
    assert all(line.startswith("passed ") for line in lines)


@pytest.mark.launcher
@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("own", "broken"),
    [
        ("OfProcess", "test_a_run_has_the_same_bits_on_any_number_of_ranks"),
        ("OfRuns", "test_a_run_has_the_error_that_is_predicted"),
    ],
)
def test_what_runs_alone_show(own: str, broken: str) -> None:
    contract = contract_of("sampler", f"own_samplers:{own}", {})
    contract.ranks = (1, 2)
    with pytest.raises(ContractError, match=r"other theta_mean|expected the predicted .* \(z = "):
        getattr(contract, broken)()


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["own_objectives:Nothing"], "expected a class with the methods of one family"),
        (["own_objectives:Other"], "no 'Other' in"),
        (["nowhere:Class"], "no module 'nowhere'"),
        (["srw"], "--family beside the name of an installed plug-in"),
        (["srww", "--family", "sampler"], "did you mean 'srw'"),
        (["own_objectives:Ridge", "--arguments", "{ l3 = 1 }"], "unexpected keyword argument 'l3'"),
        (["own_objectives:Ridge", "--arguments", "0.3"], "--arguments: expected a TOML table"),
    ],
)
def test_what_cannot_be_checked_is_named(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *words]) == 2
    said = capsys.readouterr()
    assert message in said.out + said.err


def test_it_starts_ranks_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "3")
    assert main(["check", "mine:Class"]) == 2
    assert "expected one process, got 3 ranks" in capsys.readouterr().err


def test_endless_loops_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Contract):
        def test_it_ends(self) -> None:
            while True:
                pass

    monkeypatch.setattr("udsgd_mpi.testing.verdicts._SECONDS", 0.2)
    (verdict,) = verdicts(Endless())
    assert verdict.outcome == Outcome.FAILED
    assert "look for an endless loop" in verdict.said
