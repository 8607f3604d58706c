"""
A communication pattern of your own
===================================

A pattern says which matrix mixes the agents' parameters at an aggregation. Here one agent, drawn
at random, averages with its successor on a ring.

.. literalinclude:: /gallery/own_parts.py
   :pyobject: Gossip
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import udsgd_mpi

folder = Path(tempfile.mkdtemp())
study = udsgd_mpi.load(
    {
        "agents": 6,
        "steps": 1000,
        "trials": 24,
        "step_size": {"gamma": 1.0, "offset": 10},
        "data": {"source": "breast_cancer", "standardize": True},
        "groups": {"all": {"share": 1.0, "sampler": "iid"}},
        "record": {"predict": False},
        "variant": {
            "gossip": {"communication": {"kind": "custom", "path": "own_parts:Gossip"}},
            "dsgd": {"communication": {"kind": "dsgd", "weights": "lazy"}},
        },
    }
)

# %%
# Agents disagree more under gossip, but the error of their average has the same limit: it depends
# on the pattern only in lower order.

results = udsgd_mpi.run(study, output=folder / "gossip.h5")
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for name in study:
    run = results.sel(variant=name)
    left.loglog(run.step, run.squared_error.mean("trial"), label=name)
    right.loglog(run.step, run.consensus_error.mean("trial"), label=name)
left.set(xlabel="step n", ylabel="mean squared error")
right.set(xlabel="step n", ylabel="consensus error")
left.legend()
