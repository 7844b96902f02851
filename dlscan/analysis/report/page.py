"""The page around the sections: one file, and no word with any network."""

import base64
import hashlib
from importlib import resources
from string import Template

from dlscan.analysis.report.markup import escaped, tag

# `default-src 'none'` makes the browser itself keep the page from loading anything; of scripts it runs the
# one with this hash, whatever else may have got into the page
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-$hash'; "
    "base-uri 'none'; form-action 'none'"
)

_PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="dlscan $version">
<title>$title</title>
<style>
$css</style>
<style id="hidden-columns">$hidden</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>$title</h1>
<p>$subtitle</p>
<nav aria-label="Sections">$links</nav>
</header>
<main id="main">
$sections
</main>
<footer><p>$footer</p></footer>
<script>
$js</script>
</body>
</html>
"""
)


def page(title: str, subtitle: str, sections: dict[str, str], hidden: str, footer: str, version: str) -> str:
    """The whole page.

    Parameters
    ----------
    title, subtitle, footer, version : str
        Texts, escaped here.
    sections : dict of str to str
        Markup of each section by its name; the table's script is in it.
    hidden : str
        The style sheet of the table's hidden columns.

    Returns
    -------
    str
        An HTML document.
    """
    css, js = _asset("report.css"), _asset("report.js")
    # the browser hashes what stands between the tags
    digest = base64.b64encode(hashlib.sha256(f"\n{js}".encode()).digest()).decode("ascii")
    links = [
        tag("li", tag("a", escaped(_title(name)), href=f"#{name}")) for name, text in sections.items() if text
    ]
    return _PAGE.substitute(
        policy=escaped(Template(_POLICY).substitute(hash=digest)),
        version=escaped(version),
        title=escaped(title),
        css=css,
        hidden=hidden,
        subtitle=escaped(subtitle),
        links=tag("ul", *links),
        sections="\n".join(filter(None, sections.values())),
        footer=escaped(footer),
        js=js,
    )


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _title(name: str) -> str:
    return name.replace("-", " ").capitalize()
