"""Errors that grow before they fall, or for ever, as first steps overshoot.

A trial explodes if its squared error is at some step more than a hundred times what it begins with
and what theory expects of any step; so much happens by chance in no trial of a run whose steps are
small enough, as squared errors have no heavy tails there. That an agent's first steps overshoot
(``forecast.overshooting``) does not alone make trials explode: it has to come back to its heavy
points before γ_n has fallen, as samplers do whose draws are correlated.
"""

from math import ceil

import numpy as np
from msgspec.structs import replace

from udsgd_mpi.analysis.contributions import contributions
from udsgd_mpi.analysis.signs.evidence import Evidence, Trouble
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.forecast.explosions import EXPLODED, offset_against
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.agent_lists import in_words

_CORRELATED = 2.0  # times what independent draws would add


def divergence(of: Evidence) -> Trouble | None:
    """Trials that explode; with the agents whose first steps overshoot, where the file has them."""
    measured = of.measured
    growth = _growth(measured)
    trials = len(growth) + measured.diverged
    exploded = int((growth > EXPLODED).sum()) + measured.diverged
    if exploded == 0:
        return None
    steps = measured.first_steps
    known = steps is not None and np.isfinite(steps).any()
    agents = np.flatnonzero(steps > 1).tolist() if known and steps is not None else []
    numbers = {"trials": float(trials), "exploded": float(exploded)}
    seen = f"{exploded:,} of {trials:,} trials explode"
    if len(growth):
        numbers["growth"] = float(growth.max())
        seen += f", to errors up to {growth.max():.2g} times as large as they began"
    if not agents or steps is None:
        why = (
            "no agent's first steps overshoot at θ_0 or θ*"
            if known
            else "the file does not hold which agents' first steps overshoot"
        )
        return Trouble("divergence", [], f"{seen}; {why}", _smaller(of.experiment), numbers)
    worst = int(np.nanargmax(steps))
    largest = float(steps[worst])
    numbers["first_step"] = largest
    text = (
        f"{seen}; first steps overshoot, most of all agent {worst}'s, by {largest:.3g} times"
        " (γ₁wλ over what it must not exceed)"
    )
    remedy = _against(of.experiment, largest)
    found = contributions(measured)
    correlated = [] if found is None else [i for i in agents if found.correlation[i] > _CORRELATED]
    if found is not None and correlated:
        numbers["correlation"] = float(found.correlation[correlated].max())
        text += (
            f"; draws of {in_words(correlated)} are correlated, with up to"
            f" {numbers['correlation']:.3g} times the noise of independent ones, so that heavy"
            " points come again and again before γₙ has fallen"
        )
        remedy += "; samplers with less correlated draws help, too"
    return Trouble("divergence", agents, text, remedy, numbers)


def _growth(measured: Measured) -> np.ndarray:
    """Largest error of each trial over what it begins with and what is expected, (trials,)."""
    if "squared_error" not in measured.measures:
        return np.zeros(0)
    errors = measured.measure("squared_error")
    begun = errors[measured.step > 0]
    if len(begun) == 0:
        return np.zeros(0)
    scale = float(np.median(begun[0]))
    predicted = measured.predicted_mse
    if predicted is not None and np.isfinite(predicted).all():
        scale = max(scale, float(predicted.max()))
    return np.asarray(begun.max(axis=0) / scale) if scale > 0 else np.zeros(errors.shape[1])


def _against(experiment: Experiment, largest: float) -> str:
    """Settings with which no first step overshoots."""
    step_size = experiment.step_size
    gamma_1 = float(step_size(1, 1)[0])
    remedies = []
    if (offset := offset_against(step_size, gamma_1 / largest)) is not None:
        remedies.append(f"step_size.offset = {ceil(offset):,}")
    smaller = replace(step_size, gamma=step_size.gamma / largest)
    remedies.append(f"step_size.gamma = {smaller.gamma:.2g}")
    return f"use {' or '.join(remedies)}, with which no first step overshoots"


def _smaller(experiment: Experiment) -> str:
    settings = ["step_size.gamma"]
    if offset_against(experiment.step_size, experiment.step_size.gamma) is not None:
        settings.append("step_size.offset")
    return (
        f"make the first steps smaller ({', '.join(settings)}); udsgd run --dry-run says which"
        " agents overshoot, where a minimiser is known"
    )
