"""Tests that run inside a world: mpirun -n N python -m mpi4py -m pytest --with-mpi tests/mpi."""
