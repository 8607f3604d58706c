#!/usr/bin/env bash
# Set up .venv and run the default experiment on 4 ranks: bash launch/quickstart.sh [udsgd flags]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
install_into "$repository/.venv" "$repository[mpich]"

mkdir -p "$repository/results"
cd "$repository/results"
mpirun -n 4 python -m udsgd_mpi --output quickstart.h5 --force "$@" </dev/null
echo "
The results are in $repository/results:
  quickstart.h5   HDF5; look inside with: $repository/.venv/bin/udsgd inspect quickstart.h5
  quickstart.png  MSE of the three variants"
