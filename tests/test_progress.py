"""Progress is one live line where somebody looks, and plain lines elsewhere."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr

import numpy as np
import pytest

from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.support.live_line import is_live
from udsgd_mpi.support.progress import Progress, end_line, last_line, pass_on, say


@pytest.fixture(autouse=True)
def no_dumb_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


class Terminal(io.StringIO):
    """A terminal, as far as what is written to it shows."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """What one sees."""
        seen = []
        for line in self.getvalue().split("\n"):
            row: list[str] = []
            for part in line.split("\r"):
                row[: len(part)] = part
            seen.append("".join(row).rstrip())
        return seen


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what the clock shows next."""

    def set_clock(*times: float) -> None:
        clock: Iterator[float] = iter(times)
        monkeypatch.setattr("udsgd_mpi.support.progress.time.monotonic", lambda: next(clock))

    return set_clock


def test_a_terminal_shows_one_line_that_moves(seconds: Callable[..., None]) -> None:
    seconds(0, 0, 1, 2)
    with redirect_stderr(Terminal()) as terminal:
        progress = Progress("a", 1000)
        progress(0)
        progress(100, lambda: "MSE 1.00e-01")
        assert terminal.lines == ["a: step 100 of 1,000, 100 steps/s, 9 s left, MSE 1.00e-01"]
        progress(200, lambda: "MSE 9.0e-02")
        assert terminal.lines == ["a: step 200 of 1,000, 100 steps/s, 8 s left, MSE 9.0e-02"]
        say("something else")
        assert terminal.lines == ["udsgd: something else", ""]


def test_the_rate_is_that_of_the_last_seconds(seconds: Callable[..., None]) -> None:
    seconds(*range(50))
    with redirect_stderr(Terminal()) as terminal:
        progress = Progress("a", 10_000)
        for n in [*range(20), *range(119, 2000, 100)]:  # a hundred times as fast from there on
            progress(n)
        assert "100 steps/s" in terminal.lines[0]


def test_a_line_fits_into_its_terminal(
    monkeypatch: pytest.MonkeyPatch, seconds: Callable[..., None]
) -> None:
    monkeypatch.setattr(Terminal, "fileno", lambda _: 2)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((20, 5)))
    seconds(0, 0, 1)
    with redirect_stderr(Terminal()) as terminal:
        progress = Progress("学習", 1000)  # each letter of the name takes two columns
        progress(0)
        progress(100)
        assert terminal.lines == ["学習: step 100 of 1"]
        end_line()
        assert terminal.getvalue().endswith("\r")
        assert terminal.lines == [""]


def test_a_notebook_is_live_and_a_dumb_terminal_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_live(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not is_live(Terminal())
    assert not is_live(io.StringIO())
    assert not is_live(None)
    of_notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    assert is_live(of_notebook())


def test_lines_elsewhere_say_the_same(
    capsys: pytest.CaptureFixture[str], seconds: Callable[..., None]
) -> None:
    seconds(0, 0, 5, 7, 8)
    progress = Progress("a", 1000, every=2)
    progress(0)
    progress(100, lambda: "MSE 1.00e-01")
    progress(140)
    progress(160, lambda: "not yet")
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "a: step 100 of 1,000, 20 steps/s, 45 s left, MSE 1.00e-01",
        "a: step 140 of 1,000, 20 steps/s, 43 s left",
    ]
    assert last_line(said) == ("a", 140, 20.0)
    assert last_line("a: step 3 of 10, MSE 1.00e-01\n") == ("a", 3, None)


def test_lines_of_another_process_become_the_live_line() -> None:
    with redirect_stderr(Terminal()) as terminal:
        pass_on("udsgd: a note")
        pass_on("a: step 3 of 10, MSE 1.00e-01")
        pass_on("a: step 5 of 10")
        assert terminal.lines == ["udsgd: a note", "a: step 5 of 10"]
        pass_on("udsgd: another note")
        end_line()
        assert terminal.lines == ["udsgd: a note", "udsgd: another note", ""]


def test_a_run_says_how_good_it_is_so_far() -> None:
    step = np.array([1, 10])
    errors, losses = np.array([[1.0, 3.0], [0.1, 0.3]]), np.array([[5.0], [4.0]])
    both = Recording(step, {"training_loss": losses, "squared_error": errors})
    assert both.until(9).headline == "MSE 2.00e+00"
    assert both.headline == "MSE 2.00e-01"
    assert Recording(step, {"training_loss": losses}).headline == "training loss 4.00e+00"
    assert both.until(0).headline == ""


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ([3.0, np.nan, 1.0], "training loss 2.00e+00 in 2 of 3 trials"),
        ([np.inf, 4.0, np.nan], "training loss 4.00e+00 in 1 of 3 trials"),
        ([np.nan] * 3, "all trials diverged"),
    ],
)
def test_trials_that_diverged_are_no_part_of_how_good_a_run_is(
    last: list[float], told: str
) -> None:
    recording = Recording(np.array([5]), {"training_loss": np.array([last])})
    assert recording.headline == told
