"""Agents are there as often and as long as their activation says, or as a trace has it."""

from pathlib import Path

import numpy as np
import pytest

from tests.activations import KINDS, trace
from udsgd_mpi.communication import Activation
from udsgd_mpi.communication.activation import Bernoulli, Diurnal, Markov, Traced
from udsgd_mpi.support.errors import ConfigurationError

SEED = 3


def there(activation: Activation, agents: int, steps: int) -> np.ndarray:
    return activation.start(agents, SEED).between(0, steps)


def test_agents_are_there_as_often_as_is_said() -> None:
    """20,000 steps of four agents; four standard errors, those of the chains being larger."""
    for activation, spread in (
        (Bernoulli(p=[0.1, 0.5, 0.9, 1.0]), 1.0),
        (Markov(there=20, away=5), 4.0),
        (Markov(there=1, away=3), 1.0),
    ):
        shares, found = activation.start(4, SEED).shares(20_000), there(activation, 4, 20_000)
        error = np.sqrt(shares * (1 - shares) / 20_000)
        assert (abs(found.mean(axis=0) - shares) <= 4 * spread * error).all()
    stays = np.diff(np.flatnonzero(np.diff(there(Markov(there=20, away=5), 1, 20_000)[:, 0])))
    long, short = sorted((stays[::2].mean(), stays[1::2].mean()), reverse=True)
    assert long == pytest.approx(20, rel=0.15)
    assert short == pytest.approx(5, rel=0.15)


def test_a_day_has_its_hours() -> None:
    found = there(Diurnal(period=6, share=0.5, phases=[0, 0.5]), 2, 12)
    assert found.T.astype(int).tolist() == [[1, 1, 1, 0, 0, 0] * 2, [0, 0, 0, 1, 1, 1] * 2]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_late_in_a_run_are_the_same_asked_for_alone(kind: str) -> None:
    presence = KINDS[kind].start(5, SEED)
    whole = presence.between(0, 5000)
    for n, m in ((4990, 5000), (1020, 1030), (0, 1), (2047, 4097)):
        np.testing.assert_array_equal(KINDS[kind].start(5, SEED).between(n, m), whole[n:m])
        np.testing.assert_array_equal(presence.between(n, m), whole[n:m])


@pytest.mark.parametrize("kind", KINDS)
def test_one_agent_is_drawn_without_the_others(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    presence, drawn = KINDS[kind].start(5, SEED), []
    whole, draw = presence.between(0, 3000), presence.drawn

    def counted(n: int, m: int, agents: np.ndarray) -> np.ndarray:
        drawn.append(len(agents))
        return draw(n, m, agents)

    monkeypatch.setattr(presence, "drawn", counted)
    for n, m in ((2040, 3000), (0, 1000), (1000, 2040)):
        np.testing.assert_array_equal(presence.between(n, m, np.array([3])), whole[n:m, [3]])
    assert drawn == [1, 1, 1]
    some = np.array([4, 1])
    np.testing.assert_array_equal(presence.between(7, 9, some), whole[7:9, some])


def test_a_trace_is_followed(tmp_path: Path) -> None:
    rows = ("agent,from,to", "1,4,5", "0,0,2", "1,0,3", "0,2,3")
    once = there(trace(tmp_path / "a.csv", *rows), 2, 8)
    assert once.T.astype(int).tolist() == [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0]]
    again = trace(tmp_path / "b.csv", *rows, period=5)
    assert there(again, 2, 10)[5:].tolist() == once[:5].tolist()
    assert again.start(2, SEED).shares(10**6).tolist() == [3 / 5, 4 / 5]
    turned = trace(tmp_path / "c.csv", "to , agent,from", "3,0,0", '"5", 1, 4', "", "3,1,0")
    assert there(turned, 2, 8).tolist() == once.tolist()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["0,0,5", "0,4,8"], "line 3: expected times of agent 0 that do not overlap.*line 2"),
        (["0,6,9", "1,0,1", "0,1,7"], "line 4: expected times of agent 0 .* in line 2; join them"),
        (["2,0,5"], "line 2: expected one of the agents 0-1, got 2"),
        (["0,5,5"], "line 2: expected from < to, got 5 and 5"),
        (["0,0,5", "1,7,3"], "line 3: expected from < to, got 7 and 3"),
        (["0,0,5"], "a row for each of 2 agents, got none for agent 1"),
        (["0,0,five"], "line 2: expected three whole numbers"),
        (["0,-1,5"], "line 2: expected three whole numbers"),
        (["0,0"], "line 2: expected three whole numbers"),
        ([f"0,0,{'9' * 5000}"], "line 2: expected three whole numbers"),
        (["0,0,9999999999"], "line 2: expected to up to 2147483647, the last step"),
    ],
)
def test_a_wrong_trace_is_refused_with_its_line(rows: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said):
        trace(tmp_path / "a.csv", "agent,from,to", *rows).start(2, SEED)


def test_a_trace_with_other_columns_is_refused(tmp_path: Path) -> None:
    for first in ("agent,start,stop", "0,0,5", "agent,from"):
        with pytest.raises(ConfigurationError, match="line 1: expected the columns agent, from"):
            trace(tmp_path / "a.csv", first, "0,0,5").start(1, SEED)
    with pytest.raises(ConfigurationError, match="got no line"):
        trace(tmp_path / "a.csv").start(1, SEED)
    with pytest.raises(ConfigurationError, match=r"^activation\.path \S+: cannot be read"):
        Traced(path=str(tmp_path / "none.csv")).start(1, SEED)
    (tmp_path / "latin.csv").write_bytes(b"agent,from,to\n0,0,5\n# caf\xe9\n")
    with pytest.raises(ConfigurationError, match=r"latin\.csv: line 3: expected UTF-8"):
        Traced(path=str(tmp_path / "latin.csv")).start(1, SEED)
    with pytest.raises(ConfigurationError, match=r"up to 9, activation\.period, got 10"):
        trace(tmp_path / "a.csv", "agent,from,to", "0,0,10", period=9).start(1, SEED)
    with pytest.raises(ConfigurationError, match=r"add activation\.period"):
        trace(tmp_path / "a.csv", "agent,from,to", "0,0,10", scaled=True).start(1, SEED)
