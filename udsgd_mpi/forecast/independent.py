"""What agents would add to Tr V if their samplers drew independently, each by its own law.

Then U_i is the covariance of g under π, and Tr V_i = Tr U_i (2H − s I)⁻¹ as ever (see
``theory.limit.trace_factor``). What a sampler's own V_i has beyond that, or lacks, comes from the
correlation of its draws: of H = I, the ratio of the two is the autocorrelation time.
"""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.agent import Spectrum
from udsgd_mpi.forecast.presence import share_of
from udsgd_mpi.forecast.stale_reads import knows_limit, scale_of
from udsgd_mpi.problem import Problem, Team
from udsgd_mpi.theory.limit import check_step_size, has_limit, trace_factor

Floats = NDArray[np.float64]


def independent_traces(problem: Problem, team: Team, spectrum: Spectrum) -> Floats:
    """Tr V_i / N² of independent draws, shape (agents,); collective where ``team`` is.

    NaN where no limit theorem holds.

    Parameters
    ----------
    spectrum
        Eigenvalues, shape (d,), and eigenvectors, the columns of (d, d), of H.
    """
    h, basis = spectrum
    method, step_size = problem.experiment.method, problem.experiment.step_size
    in_the_limit = method.in_the_limit(step_size)
    if not has_limit(smallest := float(h[0]), in_the_limit):
        return np.full(team.agents, np.nan)
    if not team.bcast(lambda: knows_limit(problem, independent=True)):
        return np.full(team.agents, np.nan)
    in_the_limit = check_step_size(smallest, in_the_limit)
    weights = in_the_limit.gamma / step_size.gamma / (2 * h - trace_factor(in_the_limit))

    def trace(i: int) -> float:
        agent = problem.agents[i - team.hosted.start]
        g = agent.gradient_noise(problem.objective, problem.minimizer) @ basis
        scale = agent.pace**2 * share_of(problem, i) * scale_of(problem, i, independent=True) ** 2
        return float(scale * (agent.stationary_law @ (g * g @ weights)))

    return np.array(team.allgather(team.map(trace))) / team.agents**2
