"""The curves of a result file as comma-separated values."""

import csv
import io
from collections.abc import Mapping

import numpy as np

from udsgd_mpi.analysis.statistics import Estimate, over_trials
from udsgd_mpi.storage.measured import Measured

_COLUMNS = (
    "variant",
    "step",
    "trials",
    "mse",
    "mse_standard_error",
    "predicted_mse",
    "consensus_error",
    "predicted_consensus_error",
    "simulated_seconds",
    "bytes_exchanged",
)

_LOSSES = ("training_loss", "gradient_norm", "test_loss", "test_accuracy")

HEADER = ",".join(_COLUMNS)
"""How the first line begins, which marks such a file."""


def rows(variants: Mapping[str, Measured]) -> str:
    """A header, and a line for each variant and recorded step; missing values are left empty.

    There are columns for losses and their standard errors where a variant has any.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    losses = [name for name in _LOSSES if any(name in each.measures for each in variants.values())]
    of_losses = [head for name in losses for head in (name, f"{name}_standard_error")]
    writer.writerow([*_COLUMNS, *of_losses])
    for name, each in variants.items():
        mse, error = _over_trials(each, "squared_error")
        consensus, _ = _over_trials(each, "consensus_error")
        seconds = None if each.simulated_time is None else each.simulated_time.max(axis=1)
        columns = [
            *(mse, error, each.predicted_mse),
            *(consensus, each.predicted_consensus_error),
            *(seconds, each.bytes_exchanged),
        ]
        columns += [column for name in losses for column in _over_trials(each, name)]
        for row, step in enumerate(each.step):
            values = ["" if column is None else column[row] for column in columns]
            finite = ["" if value == "" or np.isnan(value) else value for value in values]
            writer.writerow([name, step, len(each.trials), *finite])
    return text.getvalue()


def _over_trials(measured: Measured, name: str) -> Estimate | tuple[None, None]:
    values = measured.measures.get(name)
    return (None, None) if values is None else over_trials(values)
