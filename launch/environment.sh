# Sourced by the scripts of this folder: the Python environment, and what MPI runtimes need.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# install_into VENV REQUIREMENT...: create the environment where it is missing, install, activate.
install_into() {
  local venv=$1 python uv
  shift
  uv=$(command -v uv || true) # which takes a tenth of the time of pip
  if [ ! -x "$venv/bin/python" ]; then
    for python in ${UDSGD_PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
      if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        "$python" -m venv "$venv"
        break
      fi
    done
  fi
  if [ ! -x "$venv/bin/python" ]; then
    echo "expected Python 3.11 or newer with venv, found none; set UDSGD_PYTHON=/path/to/python" >&2
    exit 2
  fi
  echo "installing into $venv" >&2
  # A run imports a fraction of all modules, which Python compiles as they are first imported.
  # uv is told what pip knows from variables, but not what pip has in files. The package's sources may have changed.
  [ -n "$uv" ] && UV_FIND_LINKS=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}} \
    UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}} UV_CONSTRAINT=${UV_CONSTRAINT:-${PIP_CONSTRAINT:-}} \
    UV_SYSTEM_CERTS=true "$uv" pip install --quiet --python "$venv/bin/python" \
    --reinstall-package udsgd-mpi "$@" ||
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$@"
  PATH="$venv/bin:$PATH"
  export PATH
}

# Or every process would compile all modules anew, which takes it seconds.
unset PYTHONDONTWRITEBYTECODE
# Ranks are processes; threads of numerical libraries would only fight over the same cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Open MPI: more ranks than cores is allowed, and then idle ranks yield; so may root.
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_mpi_yield_when_idle=1
if [ "$(id -u)" = 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
