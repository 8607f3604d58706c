"""Slurm: what is submitted, with which script, and how far it is; never MPI."""
