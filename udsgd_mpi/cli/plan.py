"""``udsgd plan``."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.cli.settings import requested, value_of
from udsgd_mpi.errors import ConfigurationError, nearest
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.launcher import cores
from udsgd_mpi.prediction import predict
from udsgd_mpi.problem import OneProcess, Problem, pose_all
from udsgd_mpi.samplers import AnySampler, Sampler
from udsgd_mpi.theory.limit import check_step_size
from udsgd_mpi.upgrades import Forecasts, Planner

_SHOWN = 11


def command(arguments: Namespace) -> None:
    """Rank the agents, and say how many upgrades it takes."""
    before, _, after = arguments.upgrade.partition(":")
    to, against = _sampler(after, "--upgrade"), _sampler(arguments.against, "--against")
    experiments = requested(arguments)
    name = arguments.variant or next(iter(experiments))
    for wanted in (name, arguments.match):
        if wanted is not None and wanted not in experiments:
            raise ConfigurationError(f"unknown variant {wanted!r}: {nearest(wanted, experiments)}")
    needed = {key: experiments[key] for key in {name, arguments.match} - {None}}
    problems = pose_all(needed, OneProcess, 1)
    problem = problems[name]
    check_step_size(problem.hessian, problem.experiment.step_size)
    planner = Planner(problem, before, arguments.method, arguments.paths, cores())
    upgraded, moderate = planner.with_sampler(to), planner.with_sampler(against)
    best = sorted(planner.candidates, key=lambda i: upgraded.trace(i) - planner.now.trace(i))
    print(f"{name}: upgrade {before} to {_shown(to)}, {len(best)} candidates\n")
    _print_curve(planner, upgraded, best)
    _print_goals(arguments, planner, upgraded, moderate, best, problems)


def _print_curve(planner: Planner, upgraded: Forecasts, best: list[int]) -> None:
    all_gains = planner.trace([], upgraded) - planner.trace(best, upgraded)
    rows = [["k", "Tr V, best k", "random k", "worst k", "MSE, best k"]]
    for k in np.unique(np.linspace(0, len(best), _SHOWN).astype(int)).tolist():
        random = planner.trace([], upgraded) - all_gains * k / len(best)
        worst = planner.trace(best[::-1][:k], upgraded)
        mse = planner.mse(best[:k], upgraded)
        cells = (planner.trace(best[:k], upgraded), random, worst, mse)
        rows.append([str(k), *(f"{value:.4g}" for value in cells)])
    print(aligned(rows, indent=2))
    print("\nagents, largest gain first: " + ", ".join(map(str, best)))
    print(
        f"time to draw a point: {planner.now.nanoseconds:.0f} ns now,"
        f" {upgraded.nanoseconds:.0f} ns upgraded\n"
    )


def _print_goals(
    arguments: Namespace,
    planner: Planner,
    upgraded: Forecasts,
    moderate: Forecasts,
    best: list[int],
    problems: dict[str, Problem],
) -> None:
    n = problems[next(iter(problems))].experiment.steps

    def trace(k: int) -> float:
        return planner.trace(best[:k], upgraded)

    def mse(k: int) -> float:
        return planner.mse(best[:k], upgraded)

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
        found = predict(
            other, OneProcess(len(other.roster)), steps, method=arguments.method, threads=cores()
        )
        goal = float(np.trace(found.limiting_covariance))
        print(f"Tr V of {arguments.match}, {goal:.4g}: {_smallest(trace, goal, len(best))}")
        goal = float(found.mse[0])
        print(f"its MSE at n = {n:,}, {goal:.3e}: {_smallest(mse, goal, len(best))}")
    else:
        rival = f"all {len(best)} with {arguments.against}"
        goal = planner.trace(best, moderate)
        print(f"{rival}: Tr V = {goal:.4g}; beaten by {_smallest(trace, goal, len(best))}")
        goal = planner.mse(best, moderate)
        print(f"  at n = {n:,}: MSE = {goal:.3e}; beaten by {_smallest(mse, goal, len(best))}")


def _smallest(error: Callable[[int], float], goal: float, most: int) -> str:
    k = next((k for k in range(most + 1) if error(k) <= goal), None)
    if k is None:
        return f"no number of upgrades up to {most}"
    return f"{k} upgrade{'s' * (k != 1)} of the best agents"


def _sampler(text: str, flag: str) -> Sampler:
    if not text:
        raise ConfigurationError(f"{flag}: expected FROM:TO, such as srw:srrw")
    found: Any = one_of(AnySampler, value_of(text), flag)
    return found  # type: ignore[no-any-return]


def _shown(sampler: Sampler) -> str:
    parameters = {name: getattr(sampler, name) for name in sampler.__struct_fields__}
    inside = ", ".join(f"{name} = {value:g}" for name, value in parameters.items())
    return f"{sampler.name}({inside})" if inside else sampler.name
