"""The MPI layer: the only place that imports mpi4py."""
