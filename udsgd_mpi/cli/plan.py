"""``udsgd plan``."""

import re
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.cli.settings import requested, value_of
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.limits import overshooting
from udsgd_mpi.forecast.upgrades import Planner
from udsgd_mpi.problem import LoneTeam, Problem, pose_all
from udsgd_mpi.samplers import AnySampler, Sampler
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.launcher import cores
from udsgd_mpi.theory.limit import check_step_size

_SHOWN = 11


def command(arguments: Namespace) -> None:
    """Rank the agents, and say how many upgrades it takes."""
    upgrades = dict(map(_upgrade, _separate(arguments.upgrade)))
    rival = _sampler(arguments.against, "--against")
    experiments = requested(arguments)
    name = arguments.variant or next(iter(experiments))
    for wanted in (name, arguments.match):
        if wanted is not None and wanted not in experiments:
            raise ConfigurationError(f"unknown variant {wanted!r}: {nearest(wanted, experiments)}")
    needed = {key: experiments[key] for key in {name, arguments.match} - {None}}
    problems = pose_all(needed, LoneTeam, 1)
    problem = problems[name]
    experiment = problem.experiment
    check_step_size(problem.hessian, experiment.step_size, experiment.method.momentum or 0.0)
    planner = Planner(problem, upgrades, arguments.by, arguments.paths, cores())
    shown = ", ".join(f"{before} to {_shown(to)}" for before, to in upgrades.items())
    print(f"{name}: upgrade {shown}, {len(planner.candidates)} candidates\n")
    _print_curve(planner)
    _print_goals(arguments, planner, rival, problems)
    if reason := overshooting(problem):
        print(f"warning: {reason}; V stands")


def _print_curve(planner: Planner) -> None:
    best = planner.candidates
    all_gains = planner.trace([]) - planner.trace(best)
    rows = [["k", "Tr V, best k", "random k", "worst k", "MSE, best k", "at equal time"]]
    for k in np.unique(np.linspace(0, len(best), _SHOWN).astype(int)).tolist():
        cells = (
            planner.trace(best[:k]),
            planner.trace([]) - all_gains * k / len(best),
            planner.trace(best[::-1][:k]),
            planner.mse(best[:k]),
            planner.mse_at_equal_time(best[:k]),
        )
        rows.append([str(k), *(f"{value:.4g}" for value in cells)])
    print(aligned(rows, indent=2))
    print("\nagents, largest gain first: " + ", ".join(map(str, best)))
    now, then = 1e9 * planner.seconds([]), 1e9 * planner.seconds(best)
    print(
        f"local step of the slowest agent, measured here: {now:.0f} ns now, {then:.0f} ns with all"
        " upgrades\n"
    )


def _print_goals(
    arguments: Namespace, planner: Planner, rival: Sampler, problems: dict[str, Problem]
) -> None:
    best = planner.candidates
    n = problems[next(iter(problems))].experiment.steps

    def trace(k: int) -> float:
        return planner.trace(best[:k])

    def mse(k: int) -> float:
        return planner.mse(best[:k])

    if arguments.budget is not None:
        k = min(max(0, arguments.budget), len(best))
        print(f"{k} upgrades: Tr V {trace(0):.4g} → {trace(k):.4g}")
        print(f"  at n = {n:,}: MSE {mse(0):.3e} → {mse(k):.3e}")
    elif arguments.target_mse is not None:
        goal = arguments.target_mse
        print(f"MSE of {goal:.3e} at n = {n:,}: {_smallest(mse, goal, len(best))}")
    elif arguments.match is not None:
        other = problems[arguments.match]
        steps = np.array([other.experiment.steps], dtype=np.int64)
        team = LoneTeam(len(other.summaries), cores())
        found = predict(other, team, steps, method=arguments.by)
        goal = float(np.trace(found.limiting_covariance))
        print(f"Tr V of {arguments.match}, {goal:.4g}: {_smallest(trace, goal, len(best))}")
        goal = float(found.mse[0])
        print(f"its MSE at n = {n:,}, {goal:.3e}: {_smallest(mse, goal, len(best))}")
    else:
        able = [i for i in best if planner.can_have(i, rival)]
        moderate = planner.replacing(dict.fromkeys(able, rival))
        goal = planner.trace(able, moderate)
        beaten = _smallest(trace, goal, len(best))
        print(f"all {len(able)} with {_shown(rival)}: Tr V = {goal:.4g}; beaten by {beaten}")
        goal = planner.mse(able, moderate)
        print(f"  at n = {n:,}: MSE = {goal:.3e}; beaten by {_smallest(mse, goal, len(best))}")


def _smallest(error: Callable[[int], float], goal: float, most: int) -> str:
    k = next((k for k in range(most + 1) if error(k) <= goal), None)
    if k is None:
        return f"no number of upgrades up to {most}"
    return f"{k} upgrade{'s' * (k != 1)} of the best agents"


def _upgrade(text: str) -> tuple[str, Sampler]:
    before, _, after = text.partition(":")
    return before.strip(), _sampler(after, "--upgrade")


def _separate(text: str) -> list[str]:
    """Upgrades separated by commas outside of tables."""
    return re.split(r",(?![^{]*\})", text)


def _sampler(text: str, flag: str) -> Sampler:
    if not text.strip():
        raise ConfigurationError(f"{flag}: expected FROM:TO, such as srw:srrw")
    found: Any = one_of(AnySampler, value_of(text), flag)
    return found  # type: ignore[no-any-return]


def _shown(sampler: Sampler) -> str:
    parameters = {name: getattr(sampler, name) for name in sampler.__struct_fields__}
    inside = ", ".join(f"{name} = {value:g}" for name, value in parameters.items())
    return f"{sampler.name}({inside})" if inside else sampler.name
