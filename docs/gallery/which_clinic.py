"""
Which clinic to upgrade
=======================

Five clinics hold the rows of one table; each may only go from a patient to a similar one. Which
of them should get a better sampler first? It need not be the one with the most rows, nor the one
with the fewest. ``udsgd new own-data`` writes the table and the experiment; ``udsgd reproduce
deploy_hospitals`` asks the same of four real hospitals.
"""

import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import udsgd_mpi

folder = Path(tempfile.mkdtemp())
subprocess.run(["udsgd", "new", "own-data"], cwd=folder, check=True)
study = udsgd_mpi.load(folder / "own-data.toml", {"steps": 2000, "trials": 24})
walks = {"by-likeness": study["by-likeness"]}

# %%
# What every clinic adds to the limiting error, from theory alone:

results = udsgd_mpi.run(walks, output=folder / "clinics.h5")
run = results.sel(variant="by-likeness")
traces = run.agent_trace_V
print(traces.to_series().round(2))

# %%
# Shares of the error beside shares of the rows:

figure, axes = plt.subplots(layout="constrained")
names = ["aspen", "birch", "cedar", "elm", "fir"]
for offset, values, label in ((-0.2, run.points, "rows"), (0.2, traces, "Tr V")):
    places = [place + offset for place in range(len(names))]
    axes.bar(places, values / values.sum(), width=0.4, label=label)
axes.set(ylabel="share", xticks=range(len(names)), xticklabels=names)
axes.legend()
