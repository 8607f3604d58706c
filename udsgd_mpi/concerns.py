"""What a user should know before a run that is allowed, but will disappoint."""

from collections.abc import Iterator

import numpy as np

from udsgd_mpi.communication import contraction
from udsgd_mpi.problem import Problem

_ROUNDING = 1e-12


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
        smallest = 1 / (2 * np.linalg.eigvalsh(problem.hessian)[0])
        if step_size.gamma <= smallest:
            yield (
                f"step_size: gamma = {step_size.gamma:g} is not above 1/(2μ) = {smallest:.4g}, so"
                " the error falls more slowly than 1/n (Assumption 2.3); use a larger gamma, or an"
                " exponent below 1"
            )
