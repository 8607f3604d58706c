#!/usr/bin/env bash
# Set up an environment and run the tests of the core: bash launch/test.sh [mpich|openmpi] [pytest flags]
# What takes minutes more is in other folders of tests; see CONTRIBUTING.md.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
case ${1:-} in mpich | openmpi) runtime=$1 && shift ;; *) runtime=mpich ;; esac
install_into "$repository/.venv-test-$runtime" --editable "$repository[$runtime,test]"
cd "$repository"

# Kernels are compiled once here, a share on each rank, and not by every worker.
mpirun -n 2 python -c 'from mpi4py import MPI
from udsgd_mpi.parallel.loading import load_in_turn
load_in_turn(MPI.COMM_WORLD)' </dev/null

python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal \
  -m "not slow" tests/test_*.py "$@"
# Idle ranks of MPICH leave cores to those that work.
export MPIR_CVAR_ENABLE_HEAVY_YIELD=1
for ranks in 1 2 3; do
  mpirun -n "$ranks" python -m mpi4py -m pytest --with-mpi -q -p no:cacheprovider tests/mpi </dev/null
done
