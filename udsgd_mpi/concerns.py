"""What a user should know before a run that is allowed, but will disappoint."""

from collections.abc import Iterator

import numpy as np

from udsgd_mpi.communication import contraction
from udsgd_mpi.problem import Problem

_ROUNDING = 1e-12
_THIN = 0.2


def concerns(problem: Problem) -> Iterator[str]:
    """Warnings about one variant: an assumption of the limit theorem that it breaks."""
    experiment = problem.experiment
    if contraction(problem.schedule, len(problem.roster)) > 1 - _ROUNDING:
        yield (
            "communication: ‖W − J‖ = 1, so mixing never brings the agents together"
            ' (Assumption 2.5); use weights = "lazy", or another topology'
        )
    step_size = experiment.step_size
    if step_size.exponent == 1:
        mu = float(np.linalg.eigvalsh(problem.hessian)[0])
        margin = 2 * mu * step_size.gamma - 1
        if margin <= 0:
            yield (
                f"step_size: gamma = {step_size.gamma:g} is not above 1/(2μ) = {1 / (2 * mu):.4g},"
                " so the error falls more slowly than 1/n (Assumption 2.3); use a larger gamma, or"
                " an exponent below 1"
            )
        elif margin < _THIN:
            yield (
                f"step_size: gamma = {step_size.gamma:g} is hardly above 1/(2μ) ="
                f" {1 / (2 * mu):.4g}; noise along the flattest direction (μ = {mu:.4g}) enters V"
                f" divided by 2μγ − 1 = {margin:.3g}, so the limit is large and is reached late;"
                " use a larger gamma"
            )
