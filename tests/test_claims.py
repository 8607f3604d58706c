"""Claims are about what they name, and say what they have found."""

import numpy as np
import pytest

from tests.claimed import STEP, errors, measured
from udsgd_mpi.analysis.claims import AnyClaim, Order, Outcome, Predicted, Same, judge
from udsgd_mpi.analysis.claims.order import errors_at
from udsgd_mpi.analysis.claims.words import as_text
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.experiment.shipped import Shipped, names
from udsgd_mpi.support.errors import ConfigurationError


def test_a_claim_of_sameness_says_from_which_step_on() -> None:
    rng = np.random.default_rng(3)
    first = errors(rng) / STEP[:, None]
    slight = rng.uniform(0.98, 1.02, size=first.shape)
    late = {"a": measured(first), "b": measured(first * slight * np.array([[2.0], [1.0], [1.0]]))}
    assert Same(text="", margin=0.1).remark(late).endswith("from n = 200 on.")
    never = {"a": measured(first), "b": measured(first * slight * np.array([[1.0], [1.0], [2.0]]))}
    assert "At the last step" in Same(text="", margin=0.1).remark(never)
    always = {"a": measured(first), "b": measured(first * slight)}
    assert Same(text="", margin=0.1).remark(always).endswith("from n = 100 on.")


def test_what_is_withheld_is_not_decided() -> None:
    right = errors(np.random.default_rng(7), components=1000)
    some, none = np.array([1.0, np.nan, np.nan]), np.full(3, np.nan)
    variants = {
        "some": measured(right, predicted_mse=some / STEP, predicted_mse_error=np.zeros(3)),
        "none": measured(right, predicted_mse=none, predicted_mse_error=none),
    }
    claim = Predicted(text="")
    verdict = judge("", claim.statements(variants))
    assert verdict.outcome == Outcome.UNDECIDED
    lines = list(as_text(verdict))
    assert lines[1].endswith("at n = 100; claimed 0.909 to 1.1")
    assert lines[2] == "    none / predicted = none at n = 100 to 400; claimed 0.909 to 1.1"
    assert lines[3].strip().startswith("More trials alone would")
    del variants["none"]
    assert judge("", claim.statements(variants)).outcome == Outcome.HOLDS


def test_consensus_errors_are_held_against_their_predictions() -> None:
    right = errors(np.random.default_rng(7), components=1000)
    apart = {"predicted_consensus_error": np.array([2.0, np.nan, 2.0]) / STEP}
    apart |= {"predicted_consensus_error_error": np.zeros(3)}
    claim = Predicted(text="", measure="consensus_error")
    (statement,) = claim.statements({"a": measured(right, 1.0, **apart)})
    assert np.exp(statement.ratio.value) == pytest.approx(right.mean() / 2)
    with pytest.raises(ConfigurationError, match="expected a prediction of a"):
        claim.statements({"a": measured(right, 1.0)})


@pytest.mark.parametrize("name", names())
def test_shipped_claims_name_the_margin(name: str) -> None:
    for raw in Shipped(name).claims:
        if raw["kind"] == "predicted":
            claim = one_of(AnyClaim, raw, "claim")
            assert f"within {100 * claim.margin:g} % of" in claim.text


def test_clear_results_are_decided() -> None:
    rng = np.random.default_rng(2)
    low, high = measured(errors(rng, 0.5), 0.5), measured(errors(rng, 1.0), 0.5)
    for claim, variants, expected in (
        (Order(text=""), {"a": low, "b": high}, Outcome.HOLDS),
        (Order(text=""), {"a": high, "b": low}, Outcome.FAILS),
        (Order(text="", by=0.5), {"a": low, "b": high}, Outcome.UNDECIDED),
        (Same(text="", margin=0.1), {"a": low, "b": high}, Outcome.FAILS),
        (Same(text="", margin=0.1), {"a": low, "b": low}, Outcome.HOLDS),
        (Predicted(text="", margin=0.3), {"a": low}, Outcome.HOLDS),
        (Predicted(text="", margin=0.01), {"a": low}, Outcome.UNDECIDED),
        (Predicted(text="", margin=1.5), {"a": low, "b": high}, Outcome.HOLDS),
        (Predicted(text=""), {"a": low, "b": high}, Outcome.FAILS),
    ):
        assert judge("", claim.statements(variants)).outcome == expected, claim


def test_pairing_sees_what_is_small_beside_the_noise() -> None:
    first = errors(np.random.default_rng(3))
    variants = {"a": measured(0.99 * first), "b": measured(first)}
    assert judge("", Order(text="").statements(variants)).outcome == Outcome.HOLDS
    shifted = {**variants, "b": measured(first, trials=np.arange(60) + 1)}
    assert judge("", Order(text="").statements(shifted)).outcome == Outcome.UNDECIDED


def test_errors_are_multiplied_by_the_number_of_agents() -> None:
    first = errors(np.random.default_rng(4))
    variants = {"one": measured(first), "three": measured(first / 3, samplers=["iid"] * 3)}
    claim = Same(text="", margin=0.01, each_agent=True)
    (statement,) = claim.statements(variants)
    assert statement.ratio.value == pytest.approx(0, abs=1e-12)


def test_every_step_counts_unless_they_are_pooled() -> None:
    first = errors(np.random.default_rng(5))
    late = first / STEP[:, None] * np.array([[1.0], [1.5], [1.0]])
    variants = {"a": measured(first), "b": measured(late)}
    verdict = judge("", Same(text="", margin=0.2, since=100).statements(variants))
    assert verdict.outcome == Outcome.FAILS
    assert [each.where for each in verdict.statements] == ["n = 200"]
    pooled = judge("", Same(text="", margin=0.2, since=100, pooled=True).statements(variants))
    assert pooled.outcome == Outcome.HOLDS
    assert pooled.statements[0].ratio.value == pytest.approx(np.log(3.5 / 3))


def test_a_claim_is_of_the_measure_that_it_names() -> None:
    """Of accuracy there is no factor n, and what was not recorded is no claim's matter."""
    rng = np.random.default_rng(2)
    accuracy = {name: rng.normal(mean, 0.01, (3, 30)) for name, mean in (("a", 0.7), ("b", 0.9))}
    variants = {
        name: measured(np.ones(30), measures={"test_accuracy": values})
        for name, values in accuracy.items()
    }
    claim = one_of(AnyClaim, {"kind": "order", "text": "", "measure": "test_accuracy"}, "claim")
    (statement,) = claim.statements(variants)
    ratio = accuracy["a"][-1].mean() / accuracy["b"][-1].mean()
    assert np.exp(statement.ratio.value) == pytest.approx(ratio)
    assert judge("", [statement]).outcome == Outcome.HOLDS
    same = Same(text="", margin=0.1, measure="test_accuracy", since=1, pooled=True)
    (statement,) = same.statements(variants)
    ratio = accuracy["b"].mean() / accuracy["a"].mean()
    assert np.exp(statement.ratio.value) == pytest.approx(ratio)
    with pytest.raises(ConfigurationError, match="measure squared_error: expected one that was"):
        Order(text="").statements(variants)
    with pytest.raises(ConfigurationError, match="expected a mean over trials above 0"):
        Order(text="", measure="test_loss").statements(
            {name: measured(np.ones(9), measures={"test_loss": -np.ones((3, 9))}) for name in "ab"}
        )
    with pytest.raises(ConfigurationError, match=r"claim.measure: expected one of 'squared_error'"):
        one_of(AnyClaim, {"kind": "same", "text": "", "margin": 1, "measure": "loss"}, "claim")


def test_errors_at_equal_time() -> None:
    """An agent that takes a second a step, with n · error = 1, has an error of 1 / s after s."""
    time = np.stack([STEP, STEP / 2], axis=1).astype(float)
    each = measured(np.ones(10), simulated_time=time)
    for seconds in (100, 150, 399, 400):
        assert errors_at("a", each, seconds).values == pytest.approx(1 / seconds)
    with pytest.raises(ConfigurationError, match=r"\[timing\]"):
        Order(text="", seconds=10).statements({"a": measured(np.ones(10)), "b": each})


def test_errors_with_equal_bytes() -> None:
    """By steps 100, 200 and 400; where bytes do not grow from one to the next, the later counts."""
    sent = {"often": np.array([1000, 2000, 4000]), "rarely": np.array([500, 500, 2000])}
    variants = {name: measured(np.ones(10), bytes_exchanged=each) for name, each in sent.items()}
    claim = Order(text="", bytes=1000, variants=["rarely", "often"])
    (statement,) = claim.statements(variants)
    assert statement.where == "1 kB"
    # A third of the way from 200 to 400 steps.
    assert statement.ratio.value == pytest.approx(np.log(100 / (200 + 200 / 3)))
    (statement,) = Order(text="", bytes=1e9).statements(variants)
    assert statement.where == "2 kB"
    assert statement.ratio.value == pytest.approx(np.log(400 / 200))
    with pytest.raises(ConfigurationError, match="expected one of since, seconds and bytes"):
        one_of(AnyClaim, {"kind": "order", "text": "", "bytes": 1, "seconds": 2}, "claim")


def test_equal_time_lasts_no_longer_than_the_shortest_variant() -> None:
    times = {"fast": STEP, "slow": 2 * STEP}
    variants = {
        name: measured(np.ones(10), simulated_time=time[:, None].astype(float))
        for name, time in times.items()
    }
    (statement,) = Order(text="", seconds=1e6).statements(variants)
    assert statement.where == "400 s"
    assert statement.ratio.value == pytest.approx(np.log(1 / 2))


def test_claims_that_are_not_about_the_results_are_refused() -> None:
    variants = {"a": measured(np.ones(3))}
    for claim, match in (
        (Order(text="x", variants=["a", "c"]), "unknown variant 'c'"),
        (Predicted(text="x"), "expected a prediction of a"),
    ):
        with pytest.raises(ConfigurationError, match=match):
            claim.statements(variants)
    with pytest.raises(ConfigurationError, match="at least two trials of a"):
        Order(text="x").statements({"a": measured(np.ones(1))})
    with pytest.raises(ConfigurationError, match=r"unknown key 'claim\.margni'"):
        one_of(AnyClaim, {"kind": "same", "text": "x", "margni": 1}, "claim")


def test_verdicts_say_numbers() -> None:
    first = errors(np.random.default_rng(6))
    variants = {"a": measured(first / 2), "b": measured(first)}
    lines = list(as_text(judge("Half", Order(text="").statements(variants))))
    assert lines[0] == "holds: Half"
    assert lines[1].strip() == "a / b = 0.500 [0.500, 0.500] at n = 400; claimed below 1"
