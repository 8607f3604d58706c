"""
Stragglers on the clock
=======================

One of eight agents is ten times slower, and messages take 50 ms. The clock is simulated: nobody
sleeps, and times are the same on any machine. ``udsgd new stragglers`` writes this experiment.
"""

import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import udsgd_mpi

folder = Path(tempfile.mkdtemp())
subprocess.run(["udsgd", "new", "stragglers"], cwd=folder, check=True)
study = udsgd_mpi.load(
    folder / "stragglers.toml", {"steps": 2000, "trials": 24, "record.predict": False}
)
results = udsgd_mpi.run(study, output=folder / "stragglers.h5")

# %%
# Per step, all are alike. Per second, whoever waits for all at every step comes last.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for name in study:
    run = results.sel(variant=name)
    mse = run.squared_error.mean("trial")
    left.loglog(run.step, mse, label=name)
    right.loglog(run.simulated_time.max("agent"), mse)
left.set(xlabel="step n", ylabel="mean squared error")
right.set(xlabel="simulated time in s, until the last agent is there")
left.legend()
