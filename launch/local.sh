#!/usr/bin/env bash
# An experiment on this machine:  bash launch/local.sh RANKS EXPERIMENT.toml [more udsgd flags]
#
# Uses UDSGD_VENV, else the active environment, else .venv here, and goes on where an earlier run of
# the same settings has stopped.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
environment=${UDSGD_VENV:-${VIRTUAL_ENV:-${CONDA_PREFIX:-.venv}}}
if ! [ "${1:-0}" -ge 1 ] 2>/dev/null; then
  echo "udsgd: error: expected a number of ranks: bash launch/local.sh RANKS EXPERIMENT.toml …" >&2
  exit 2
fi
if [ ! -x "$environment/bin/udsgd" ]; then
  echo "udsgd: error: no udsgd in $environment; install it there, or set UDSGD_VENV" >&2
  exit 2
fi
PATH=$environment/bin:$PATH
ranks=$1
shift
exec mpirun -n "$ranks" "$environment/bin/python3" -m udsgd_mpi run "$@" --resume=auto </dev/null
