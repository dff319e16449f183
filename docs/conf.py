"""How Sphinx builds the site; `make docs` does it.

The source folder is that of the repository, so that pages, notebooks and pictures stay
where they are and their links lead to the same places here and in a checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]  # the site's own parts; this checkout

from toolkit import __version__  # noqa: E402

# ---- what is built -------------------------------------------------------------------

project = "multiturn-rl-toolkit"
author = "The multiturn-rl-toolkit developers"
project_copyright = f"{author}, Apache-2.0"
version = release = __version__
root_doc = "docs/index"
include_patterns = [
    *("CHANGELOG.md", "CONTRIBUTING.md"),
    *("benchmarks/*.md", "experiments/README.md"),
    *("docs/*.md", "docs/api/*.md", "docs/environments/*.md"),
    *("notebooks/*.ipynb", "tutorials/*.ipynb"),
    *("tutorials/guides/*.md", "tutorials/solutions/*.ipynb"),
    "toolkit/assets/*/MODEL_CARD.md",
]
exclude_patterns = ["benchmarks/quickstart_notes.md"]  # stands in quickstart.md
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "docstrings",
    "sphinx.ext.viewcode",
    "site_parts",
]

# ---- pages and notebooks -------------------------------------------------------------

nb_execution_mode = "off"  # notebooks come with their outputs
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

# ---- docstrings ----------------------------------------------------------------------

default_role = "code"  # a single backtick is code, as in Markdown
add_module_names = False
suppress_warnings = ["ref.python"]  # two classes of one name in a signature
autosummary_generate = False  # its tables alone; the pages stand in docs/api
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
viewcode_follow_imported_members = False
python_use_unqualified_type_names = True

# ---- how it looks --------------------------------------------------------------------

html_theme = "furo"
pygments_dark_style = "a11y-dark"
html_title = "multiturn-rl-toolkit"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]
html_additional_pages = {"index": "start.html"}  # the site's root leads to docs/
html_copy_source = False
html_theme_options = {"navigation_with_keys": False}
