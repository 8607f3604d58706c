"""
Upgrade a few agents
====================

Ten agents; half of them may draw any of their points, the others walk on a graph of theirs. What
lowers the error more: a slightly better walk for all walkers (NBRW), or a much better one (SRRW)
for two of them? Theory says it before the run.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import udsgd_mpi

folder = Path(tempfile.mkdtemp())
flags = {"agents": 10, "steps": 3000, "trials": 48, "step_size.offset": 10, "record.predict": False}
study = udsgd_mpi.load(settings=flags)  # the default experiment; or the path of a TOML file

# %%
# Every agent adds its own part to the limiting covariance, so what an upgrade buys is known in
# advance:

expected = udsgd_mpi.predict(study)
for name, each in expected.items():
    print(f"{name:10}  Tr V = {each.agent_traces.sum():.1f}")

# %%
# The run, beside the predictions at each step:

results = udsgd_mpi.run(study, output=folder / "upgrade.h5")
figure, axes = plt.subplots(layout="constrained")
for name in study:
    run = results.sel(variant=name)
    (line,) = axes.loglog(run.step, run.squared_error.mean("trial"), label=name)
    axes.loglog(expected[name].step, expected[name].mse, "--", color=line.get_color())
axes.set(xlabel="step n", ylabel="mean squared error", title="measured, and predicted (dashed)")
axes.legend()
