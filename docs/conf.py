"""Settings of Sphinx for the documentation: see launch/docs.sh."""

import sys
from pathlib import Path

from udsgd_mpi import __version__

sys.path.append(str(Path(__file__).parent / "_extensions"))

project = "udsgd_mpi"
author = "The udsgd_mpi developers"
release = version = __version__

extensions = [
    "accessible",
    "mathml",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generated", "_extensions", "gallery"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "_gallery",
    "filename_pattern": r"/\w+\.py$",
    "ignore_pattern": r"own_parts\.py",
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "min_reported_time": 3600,
    "parallel": True,  # as many at once as sphinx has processes
    "run_stale_examples": True,  # the package may have changed
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
}

html_show_copyright = False
html_theme = "furo"
html_title = f"udsgd_mpi {version}"
html_math_renderer = "mathml"
