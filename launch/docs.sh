#!/usr/bin/env bash
# Build the documentation in an environment of its own, and run its snippets: bash launch/docs.sh [pytest flags]
# Links to other sites are checked on request: .venv-docs/bin/python docs/links.py --external
# UDSGD_DOCS_VENV names another environment, which may have PyTorch already.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
install_into "${UDSGD_DOCS_VENV:-$repository/.venv-docs}" --editable "$repository[mpich,test,docs,torch]"
cd "$repository"

python docs/links.py
python -m pytest -q -n auto --dist loadfile docs "$@"
python docs/generate.py docs/_generated
python -m sphinx --fail-on-warning --keep-going --quiet -j auto -b html docs docs/_build
echo "
The documentation is in $repository/docs/_build: open index.html"
