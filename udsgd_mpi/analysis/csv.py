"""The curves of a result file as comma-separated values."""

import csv
import io
from collections.abc import Mapping

import numpy as np

from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.read import Measured

_COLUMNS = (
    "variant",
    "step",
    "trials",
    "mse",
    "mse_standard_error",
    "predicted_mse",
    "consensus_error",
    "simulated_seconds",
    "bytes_exchanged",
)

HEADER = ",".join(_COLUMNS)
"""The first line, which marks such a file."""


def rows(variants: Mapping[str, Measured]) -> str:
    """A header, and a line for each variant and recorded step; what there is not is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, each in variants.items():
        mse, error = over_trials(each.squared_error)
        consensus, _ = over_trials(each.consensus_error)
        seconds = None if each.simulated_time is None else each.simulated_time.max(axis=1)
        columns = (mse, error, each.predicted_mse, consensus, seconds, each.bytes_exchanged)
        for row, step in enumerate(each.step):
            values = ["" if column is None else column[row] for column in columns]
            finite = ["" if value == "" or np.isnan(value) else value for value in values]
            writer.writerow([name, step, len(each.trials), *finite])
    return text.getvalue()
