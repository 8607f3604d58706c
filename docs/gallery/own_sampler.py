"""
A sampler of your own
=====================

A class over NumPy arrays in a file beside the experiment. Random numbers are handed in, so a run
has the same bits on any number of ranks. The class gives no theory, so its part of the error is
estimated from its paths.

.. literalinclude:: /gallery/own_parts.py
   :pyobject: LazyWalk
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import udsgd_mpi

folder = Path(tempfile.mkdtemp())


def lazy(stay: float) -> dict[str, object]:
    """Settings of a walk that stays with this probability."""
    return {"kind": "custom", "path": "own_parts:LazyWalk", "arguments": {"stay": stay}}


study = udsgd_mpi.load(
    {
        "agents": 4,
        "steps": 1000,
        "trials": 32,
        "step_size": {"gamma": 1.0, "offset": 10},
        "data": {"source": "breast_cancer", "standardize": True},
        "groups": {
            "all": {
                "share": 1.0,
                "sampler": "srw",
                "graph": {"kind": "small_world", "k": 4, "p": 0.2},
            }
        },
        "variant": {
            "simple": {"groups": {"all": {"sampler": "srw"}}},
            "lazy": {"groups": {"all": {"sampler": lazy(0.4)}}},
            "lazier": {"groups": {"all": {"sampler": lazy(0.7)}}},
        },
    }
)

# %%
# To stay costs: the walk sees fewer new points.

results = udsgd_mpi.run(study, output=folder / "lazy.h5")
last = results.isel(step=-1)
measured = last.squared_error.mean("trial")
error = 2 * last.squared_error.std("trial", ddof=1) / last.sizes["trial"] ** 0.5

figure, axes = plt.subplots(layout="constrained")
axes.errorbar(results.variant, measured, error, fmt="o", capsize=4, label="measured, 2 s.e.")
axes.plot(results.variant, last.predicted_mse, "_", markersize=24, label="predicted")
axes.set(ylabel="mean squared error", ylim=(0, None))
axes.legend()
