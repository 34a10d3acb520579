"""Sphinx builds the documentation from `docs/` by this file: `make docs`. It needs no network."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.shell import BashLexer

ROOT = Path(__file__).parent.parent

project = "s3_file_uploader"
author = "The s3_file_uploader maintainers"
project_copyright = "the s3_file_uploader maintainers, MIT licence"
release = re.search(r'__version__ = "([^"]+)"', (ROOT / "s3_file_uploader" / "__init__.py").read_text())[1]
version = release

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "s3_file_uploader"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_js_files = ["tables.js"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0f766e",
        "color-brand-content": "#0f766e",
        "color-brand-visited": "#115e59",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5eead4",
        "color-brand-content": "#5eead4",
        "color-brand-visited": "#99f6e4",
    },
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def drawings_inline(app: Any, doctree: nodes.document) -> None:
    """Put drawings into the page itself: an image cannot take the colours of the theme."""
    for image in list(doctree.findall(nodes.image)):
        file = Path(app.srcdir) / image["uri"]
        if file.suffix == ".svg":
            drawing = f'<div class="drawing {file.stem}">{file.read_text()}</div>'
            image.parent.replace(image, nodes.raw("", drawing, format="html"))


def link_readme_of_client(app: Any, docname: str, source: list[str]) -> None:
    """Lead links to the client's README, which lies outside of `docs/`, to the page that includes it."""
    source[0] = source[0].replace("](../../clients/typescript/README.md", "](../how-to/client.md")


def setup(app: Any) -> None:
    """Colour blocks of `console` as the shell reads them: they have no prompts, so that they can be pasted."""
    app.add_lexer("console", BashLexer)
    app.connect("doctree-read", drawings_inline)
    app.connect("source-read", link_readme_of_client)
