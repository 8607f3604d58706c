"""
A network, whose agents take their batches in three ways
========================================================

Ten agents with images of digits, each mostly of a few classes, train one network by federated
averaging. No theorem says what comes out, so losses and accuracy are recorded. ``udsgd new
network`` writes this experiment; it needs ``udsgd_mpi[torch]``.
"""

import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import udsgd_mpi

folder = Path(tempfile.mkdtemp())
subprocess.run(["udsgd", "new", "network"], cwd=folder, check=True)
experiment = folder / "network.toml"
with experiment.open("a") as file:
    file.write('[variant.walked]\ngroups.all = { sampler = "srw", graph = "ring" }\n')

# %%
# A third variant walks along a ring of the mini-batches, which takes long to see them all:

study = udsgd_mpi.load(experiment, {"steps": 500, "trials": 2, "record.points": 10})
results = udsgd_mpi.run(study, output=folder / "network.h5")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for name in study:
    run = results.sel(variant=name)
    left.loglog(run.step, run.training_loss.mean("trial"), label=name)
    right.semilogx(run.step, run.test_accuracy.mean("trial"))
left.set(xlabel="step n", ylabel="training loss, over all agents' images")
right.set(xlabel="step n", ylabel="accuracy on images of no agent")
left.legend()
