"""What a constant step comes to, in words."""

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.forecast import Stationary
from udsgd_mpi.problem import Problem

_TIMES = 5  # constants after which what is left of the start counts for little


def of_stationary(found: Stationary | str, problem: Problem, most: int) -> str:
    """Bias and variance of the stationary law with the agents that add most; or why there is none.

    Parameters
    ----------
    most
        How many agents to show.
    """
    if isinstance(found, str):
        return f"  no stationary law is predicted: {found}"
    bias = found.bias @ found.bias
    settled = _TIMES * found.time_constant
    causes = {
        "correlation with the past": found.correlation,
        "disagreement": found.disagreement,
        "curvature": found.curvature,
    }
    norms = ", ".join(f"{np.linalg.norm(part):.2e} by {cause}" for cause, part in causes.items())
    text = (
        f"  in the long run: MSE = {found.mse:.3e} = bias² {bias:.3e} + variance"
        f" {found.variance:.3e}, bias and variance to first order in γ\n"
        f"  |bias|: {norms}\n"
        f"  θ₀ is forgotten by a factor e in {found.time_constant:,.0f} steps"
    )
    if (steps := problem.experiment.steps) < settled:
        text += f": at n = {steps:,} it still counts, beyond n = {settled:,.0f} hardly"
    order = np.argsort(-(found.agent_variances + abs(found.agent_biases)), kind="stable")
    rows = [["agent", "adds to bias²", "to variance", "share of MSE", "sampler"]]
    for i in order[:most].tolist():
        parts = found.agent_biases[i], found.agent_variances[i]
        share = f"{sum(parts) / found.mse:.1%}" if found.mse > 0 else "—"
        cells = [str(i), *(f"{part:.3e}" for part in parts), share]
        rows.append([*cells, problem.summaries[i].sampler])
    return f"{text}\n{aligned(rows, left=(len(rows[0]) - 1,), indent=2)}"
