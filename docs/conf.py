"""Sphinx: `make docs` turns the Markdown pages and the docstrings into HTML in build/docs.

The source folder is the repository's root, so that links between pages, to the README and to files
are the same as on GitHub.
"""

import re
from importlib.metadata import version as installed_version

from sphinx.application import Sphinx

project = "Sync-TVA"
author = "The Sync-TVA developers"
version = release = installed_version("synctva")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "SECURITY.md",
    "docs/*.md",
]
root_doc = "docs/README"
html_theme = "furo"  # readable on a telephone, by keyboard, and in the dark
html_title = f"Sync-TVA {release}"
html_copy_source = False

# GitHub's Markdown, in which headings are link targets.
myst_heading_anchors = 3

# Google's sections in docstrings, and our own; single backticks mean code.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [
    *((name, "params_style") for name in ("Inputs", "Graph", "Parts", "Sizes", "Training")),
    *((name, "params_style") for name in ("Calibration", "Shapes")),
]
autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": True}


def contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Make the table of contents from the links of the index, so that there is only one list."""
    if page == root_doc:
        pages = dict.fromkeys(re.findall(r"\]\((\S+)\.md\)", source[0]))
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", *pages, "```"])


def setup(app: Sphinx) -> None:
    app.connect("source-read", contents)
