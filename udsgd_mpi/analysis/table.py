"""The table of a result file: one line for each variant."""

from collections import Counter
from collections.abc import Mapping

from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.read import Measured


def table(variants: Mapping[str, Measured]) -> str:
    """MSE and consensus error at the last step, with standard errors over trials."""
    head = ("variant", "n", "trials", "MSE", "± s.e.", "n · MSE", "consensus error", "agents")
    rows = [head, *(_row(name, measured) for name, measured in variants.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, len(head) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(name: str, measured: Measured) -> tuple[str, ...]:
    mse, error = over_trials(measured.squared_error[-1])
    consensus, _ = over_trials(measured.consensus_error[-1])
    n = int(measured.step[-1])
    counts = Counter(measured.samplers)
    return (
        name,
        str(n),
        str(measured.squared_error.shape[1]),
        f"{mse:.3e}",
        f"{error:.0e}",
        f"{n * mse:.4g}",
        f"{consensus:.1e}",
        " + ".join(f"{count} {sampler}" for sampler, count in counts.items()),
    )
