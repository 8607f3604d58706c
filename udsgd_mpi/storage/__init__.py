"""HDF5 files: written whole or not at all, read without MPI."""
