"""The documentation site: `make docs` builds it into `site/`, and a warning is a failure."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import reference_pages
from sphinx.application import Sphinx

import lakehouse
from lakehouse.settings import Settings

project = "lakehouse"
version = version_of("lakehouse")
html_theme = "furo"
html_title = "lakehouse"
html_copy_source = False
html_show_copyright = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# In docstrings `name` is code, as it is in Markdown.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# A heading of a page is an anchor by its words, as on code hosts; links to anchors are checked too.
myst_heading_anchors = 3


def setup(app: Sphinx) -> None:
    """Make the pages of the reference when a build starts."""
    app.connect("builder-inited", write_reference)


def write_reference(app: Sphinx) -> None:
    """Write the generated pages beside the others, if they changed."""
    pages = {
        "python.rst": reference_pages.python_page(lakehouse),
        "commands.md": reference_pages.commands_page(),
        "settings.md": reference_pages.settings_page(Settings),
    }
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
