"""
A job array, merged
===================

``udsgd submit my.toml --array trials=3`` runs parts of the trials as tasks of a Slurm array, and
merges their files. The same without a cluster: no trial knows the others, so the merged file has
the numbers of one run of all.
"""

import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import udsgd_mpi

folder = Path(tempfile.mkdtemp())
settings = {"agents": 4, "steps": 1000, "step_size.offset": 10, "record.predict": False}


def study(first: int, trials: int) -> dict[str, udsgd_mpi.Experiment]:
    """Some trials of one of the default experiment's variants."""
    some = udsgd_mpi.load(settings=settings | {"first_trial": first, "trials": trials})
    return {"some-srrw": some["some-srrw"]}


parts = []
for first in (0, 8, 16):  # what the tasks of the array do
    parts.append(f"part-{first}.h5")
    udsgd_mpi.run(study(first, 8), output=folder / parts[-1])
subprocess.run(["udsgd", "merge", "all.h5", *parts], cwd=folder, check=True)
merged = udsgd_mpi.open_results(folder / "all.h5")

# %%
# The same bits as at once:

at_once = udsgd_mpi.run(study(0, 24), output=folder / "at-once.h5")
np.testing.assert_array_equal(merged.squared_error, at_once.squared_error)

figure, axes = plt.subplots(layout="constrained")
errors = merged.squared_error.sel(variant="some-srrw")
for part in range(3):
    of_part = errors.isel(trial=slice(8 * part, 8 * part + 8))
    axes.loglog(
        merged.step, of_part.mean("trial"), color="0.7", label="a part" if part == 0 else None
    )
axes.loglog(merged.step, errors.mean("trial"), color="C0", label="all 24 trials")
axes.set(xlabel="step n", ylabel="mean squared error")
axes.legend()
