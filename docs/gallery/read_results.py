"""
Result files in h5py, xarray and pandas
=======================================

A result file is plain HDF5 with named dimensions, descriptions and units.
:func:`udsgd_mpi.open_results` gives an xarray data set of all variants; h5py alone does as well.
"""

import tempfile
from pathlib import Path

import h5py
import matplotlib.pyplot as plt

import udsgd_mpi

folder = Path(tempfile.mkdtemp())
settings = {"agents": 4, "steps": 1000, "trials": 32, "step_size.offset": 10}
results = udsgd_mpi.run(udsgd_mpi.load(settings=settings), output=folder / "my.h5")

# %%
# pandas: a table of the last step, a row for each variant.

last = results.squared_error.isel(step=-1).to_series().unstack("variant")
print(last.describe().loc[["mean", "std", "max"]])

# %%
# xarray: quantiles over trials, by name of the dimension.

middle = results.squared_error.quantile([0.1, 0.5, 0.9], dim="trial")
figure, axes = plt.subplots(layout="constrained")
for name in ("all-srw", "some-srrw"):
    low, half, high = middle.sel(variant=name).transpose("quantile", "step")
    (line,) = axes.loglog(results.step, half, label=f"{name}, median")
    axes.fill_between(results.step, low, high, color=line.get_color(), alpha=0.2)
axes.set(xlabel="step n", ylabel="squared error, 10 % to 90 % of trials")
axes.legend()

# %%
# h5py: every dataset says what it is.

with h5py.File(folder / "my.h5") as file:
    for name, dataset in file["runs/some-srrw"].items():
        print(f"{name:18} {dataset.shape!s:14} {dataset.attrs['description']}")
