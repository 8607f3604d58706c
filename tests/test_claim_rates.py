"""A claim is passed or refuted wrongly no more often than it says."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.claimed import STEP, errors, measured, prediction
from udsgd_mpi.analysis.claims import Claim, Order, Outcome, Predicted, Same, judge
from udsgd_mpi.analysis.claims.ratio import Scores, ratio_to_number
from udsgd_mpi.analysis.claims.verdict import TAIL
from udsgd_mpi.analysis.claims.words import as_text
from udsgd_mpi.storage.measured import Measured

REPEATS = 600
Draw = Callable[[np.random.Generator], dict[str, Measured]]


def rates(claim: Claim, draw: Draw, repeats: int = REPEATS) -> list[float]:
    """How often a claim holds and how often it does not, of independent results."""
    rng = np.random.default_rng(1)
    found = [judge("", claim.statements(draw(rng))).outcome for _ in range(repeats)]
    return [found.count(outcome) / repeats for outcome in (Outcome.HOLDS, Outcome.FAILS)]


def rates_in(documented: object) -> dict[str, dict[float, float]]:
    """The table of a docstring: of each row, rates for each number in the head."""
    lines = [line.strip() for line in str(documented.__doc__).splitlines()]
    first, head_ends, last = (k for k, line in enumerate(lines) if line.startswith("===="))
    columns = [len(column) for column in lines[first].split()]

    def cells(line: str) -> list[str]:
        return [line[: columns[0]].strip(), *line[columns[0] :].split()]

    _, *numbers = cells(lines[first + 1])
    return {
        label: {float(number): float(rate) / 100 for number, rate in zip(numbers, row, strict=True)}
        for label, *row in map(cells, lines[head_ends + 1 : last])
    }


# Rates in docstrings are of 4,000 repeats, in whole per cent. Two rates of 300 and 4,000 repeats
# differ by more than 4.5 standard errors and half a per cent in less than 1 in 100,000 tests.
FEW = 300


def assert_as_documented(claim: Claim, of: str, draw: Callable[[float], Draw]) -> None:
    documented = rates_in(type(claim))
    for truth in documented[f"{of}: holds"]:
        expected = [documented[f"{of}: {word}"][truth] for word in ("holds", "does not hold")]
        for found, rate in zip(rates(claim, draw(truth), FEW), expected, strict=True):
            spread = np.sqrt(max(rate * (1 - rate), 0.01) * (1 / FEW + 1 / 4000))
            assert abs(found - rate) < 4.5 * spread + 0.005, (of, truth)


# The rates below are at most 2.5 % (5 %), and up to half as large again for few trials of skewed
# errors; four standard errors of 600 repeats are 2.5 % (3.6 %), so that a right test fails with a
# probability of less than 1 in 30,000.
ONE_TAIL, TWO_TAILS = 0.025 + 0.025, 0.05 + 0.036


@pytest.mark.parametrize("trials", [(60, 60), (90, 60)], ids=["paired", "unpaired"])
def test_equal_errors_are_in_no_order(trials: tuple[int, int]) -> None:
    def draw(rng: np.random.Generator) -> dict[str, Measured]:
        return {str(k): measured(errors(rng, trials=many)) for k, many in enumerate(trials)}

    holds, fails = rates(Order(text=""), draw)
    assert 0.005 < holds < ONE_TAIL
    assert 0.005 < fails < ONE_TAIL


def test_ends_of_intervals_err_as_often_as_the_docstring_says() -> None:
    """Upper ends for errors of few components, which are the more skewed."""
    rng = np.random.default_rng(1)
    numbers_of = {"six components": 6, "two components": 2, "one component": 1}
    for label, row in rates_in(judge).items():
        for trials, rate in row.items():
            below = 0
            for _ in range(FEW):
                drawn = errors(rng, trials=int(trials), components=numbers_of[label])
                compared = ratio_to_number(Scores(drawn, np.arange(len(drawn))), 1, 0)
                below += compared.interval(TAIL)[1] < 1
            assert abs(below / FEW - rate) < 4.5 * np.sqrt(rate / FEW), (label, trials)


@pytest.mark.parametrize("components", [6, 2])
def test_orders_are_decided_as_often_as_the_docstring_says(components: int) -> None:
    def draw(truth: float) -> Draw:
        return lambda rng: {
            name: measured(errors(rng, mean, 120, components))
            for name, mean in (("a", truth), ("b", 1.0))
        }

    assert_as_documented(Order(text=""), f"{components} components", draw)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_sameness_is_decided_as_often_as_the_docstring_says(shared: float) -> None:
    def draw(truth: float) -> Draw:
        def drawn(rng: np.random.Generator) -> dict[str, Measured]:
            first, own = rng.standard_normal((2, 120, 6))
            other = shared * first + np.sqrt(1 - shared**2) * own
            pair = {"a": first, "b": np.sqrt(truth) * other}
            return {name: measured((each**2).mean(axis=1)) for name, each in pair.items()}

        return drawn

    assert_as_documented(Same(text="", margin=0.1), f"correlation {shared:g}", draw)


def test_an_order_of_many_equal_errors_is_seldom_refuted() -> None:
    def draw(rng: np.random.Generator) -> dict[str, Measured]:
        return {str(k): measured(errors(rng)) for k in range(5)}

    holds, fails = rates(Order(text=""), draw)
    assert holds < ONE_TAIL
    assert fails < ONE_TAIL


def test_errors_beyond_the_margin_are_seldom_the_same() -> None:
    def draw(rng: np.random.Generator) -> dict[str, Measured]:
        first = errors(rng)
        return {"a": measured(first), "b": measured(1.2 * first * rng.uniform(0.9, 1.1, 60))}

    holds, fails = rates(Same(text="", margin=0.2), draw)
    assert 0.005 < holds < ONE_TAIL
    assert 0.005 < fails < ONE_TAIL


@pytest.mark.parametrize(("components", "trials"), [(6, 120), (6, 480), (20, 120)])
def test_predictions_hold_as_often_as_the_docstring_says(components: int, trials: int) -> None:
    def draw(truth: float) -> Draw:
        return lambda rng: {
            "a": measured(errors(rng, truth, trials, components), **prediction(rng, 0.01))
        }

    assert_as_documented(Predicted(text=""), f"{components} components, {trials} trials", draw)


@pytest.mark.parametrize("truth", [1.1, 1 / 1.1], ids=["above", "below"])
def test_predictions_at_the_margin_are_seldom_passed_or_refuted(truth: float) -> None:
    """Also where predictions have large errors of their own, and there are several variants."""

    def draw(rng: np.random.Generator) -> dict[str, Measured]:
        return {
            str(k): measured(errors(rng, truth, 400, 20), **prediction(rng, 0.03)) for k in range(3)
        }

    for variants, least in ((["0"], 0.005), (["0", "1", "2"], 0.0)):
        holds, fails = rates(Predicted(text="", variants=variants), draw)
        assert least <= holds < ONE_TAIL
        assert 0.005 < fails < ONE_TAIL


def test_an_average_over_steps_is_held_to_the_same_rates() -> None:
    """Errors at several steps go together in part, and those of a prediction entirely."""

    def draw(rng: np.random.Generator) -> dict[str, Measured]:
        common, own = errors(rng, trials=200, components=20), rng.chisquare(20, (3, 200)) / 20
        return {"a": measured(1.1 * (common + own) / 2 / STEP[:, None], **prediction(rng, 0.02))}

    last = Predicted(text="", since_share=1)
    pooled = Predicted(text="", since_share=0.25)
    for claim in (last, pooled):
        holds, fails = rates(claim, draw)
        assert 0.005 < holds < ONE_TAIL
        assert 0.005 < fails < ONE_TAIL
    variants = draw(np.random.default_rng(2))
    (one,), (of_all,) = (claim.statements(variants) for claim in (last, pooled))
    assert (one.where, of_all.where) == ("n = 400", "n = 100 to 400")
    assert of_all.ratio.error < one.ratio.error


def test_as_many_trials_as_are_said_to_decide_a_claim_do() -> None:
    """Nine times out of ten or more; a quarter of them do not, nor any if a prediction is poor."""

    def drawn(trials: int, mean: float = 1.0, error: float = 0.005) -> Draw:
        return lambda rng: {
            name: measured(errors(rng, each, trials, 20), **prediction(rng, error))
            for name, each in (("a", mean), ("b", 1.0))
        }

    rng = np.random.default_rng(3)
    for claim, mean in (
        (Predicted(text="", margin=0.04), 1.0),
        (Same(text="", margin=0.04), 1.0),
        (Order(text=""), 0.98),
    ):
        verdict = judge("", claim.statements(drawn(300, mean)(rng)))
        measured_ratio = float(np.exp(verdict.statements[0].ratio.value))
        truth = measured_ratio if isinstance(claim, Order) else 1.0
        assert verdict.outcome == Outcome.UNDECIDED
        assert verdict.trials_needed is not None
        needed = int(verdict.trials_needed)
        few, enough = (sum(rates(claim, drawn(many, truth), FEW)) for many in (needed // 4, needed))
        assert few < 0.5
        assert enough > 0.9 - 0.08  # four standard errors of 300 repeats
        said = list(as_text(verdict))[-1]
        assert said.endswith("trials would probably decide it.")
        assert ("as measured" in said) == isinstance(claim, Order)
    poor = judge("", Predicted(text="").statements(drawn(50, error=0.05)(rng)))
    assert list(as_text(poor))[-1].strip().startswith("More trials alone would")
    clear = judge("", Predicted(text="").statements(drawn(50, 2.0)(rng)))
    assert (clear.outcome, clear.trials_needed) == (Outcome.FAILS, None)


def test_a_prediction_that_is_left_is_named_whatever_the_verdict() -> None:
    right = errors(np.random.default_rng(7))
    variants = {
        "right": measured(right / right.mean(), 1.0),
        "high": measured(1.25 * right / right.mean(), 1.0),
    }
    claim = Predicted(text="", margin=0.5)
    assert judge("", claim.statements(variants)).outcome == Outcome.HOLDS
    assert claim.remark(variants).endswith("corrected for multiple comparisons: high.")
    assert claim.remark({"right": variants["right"]}) == ""

    def draw(rng: np.random.Generator) -> dict[str, Measured]:
        return {str(k): measured(errors(rng), predicted=1.0) for k in range(4)}

    rng = np.random.default_rng(1)
    named = sum(bool(claim.remark(draw(rng))) for _ in range(REPEATS))
    assert 0.01 < named / REPEATS < TWO_TAILS
