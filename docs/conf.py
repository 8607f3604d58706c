"""Settings of Sphinx for the documentation: see launch/docs.sh."""

import sys
from pathlib import Path

from udsgd_mpi import __version__

sys.path.append(str(Path(__file__).parent / "_extensions"))

project = "udsgd_mpi"
author = "The udsgd_mpi developers"
release = version = __version__

extensions = [
    "mathml",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generated", "_extensions"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"udsgd_mpi {version}"
html_math_renderer = "mathml"
