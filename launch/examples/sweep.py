"""How much self-repellence helps, by its strength α: python launch/examples/sweep.py [RANKS]."""

import sys

from msgspec.structs import replace

import udsgd_mpi

base = udsgd_mpi.load(settings={"agents": 10, "steps": 3000, "trials": 32})["some-srrw"]
sweep = {}
for alpha in (0.0, 1.0, 5.0, 20.0):
    walkers = replace(base.groups["walkers"], sampler=udsgd_mpi.SRRW(alpha=alpha))
    sweep[f"alpha-{alpha:g}"] = replace(base, groups=base.groups | {"walkers": walkers})
ranks = int(sys.argv[1]) if sys.argv[1:] else None
results = udsgd_mpi.run(sweep, output="sweep.h5", ranks=ranks, force=True)
print(results.squared_error.isel(step=-1).mean("trial").to_series())
