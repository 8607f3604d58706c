"""Two studies at once, each on half of the ranks: mpirun -n 4 python -m mpi4py FILE."""

from mpi4py import MPI

import udsgd_mpi

world = MPI.COMM_WORLD
half = 2 * world.rank // world.size
part = world.Split(half)
sampler = ("nbrw", "srrw")[half]

settings = {"agents": 4, "steps": 500, "trials": 16, "groups.walkers.sampler": sampler}
experiment = udsgd_mpi.load(settings=settings)["all-srw"]
results = udsgd_mpi.run(experiment, part, output=f"{sampler}.h5", force=True)  # on all of the half
mse = float(results.squared_error.sel(variant="main").isel(step=-1).mean())

found = world.gather((sampler, mse))
for name, error in sorted(set(found or ())):
    print(f"{name}: MSE = {error:.3e}")
