"""Data cards in the report: Markdown as HTML, of which nothing can run or be fetched."""

from __future__ import annotations

_DEEPEST = 6


def card_html(markdown: str, below: int) -> str:
    """Return a card as HTML: without raw HTML and images, its headings under a heading of a given level.

    Parameters
    ----------
    markdown : str
    below : int
        2 makes ``#`` a heading of level 3.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + below, _DEEPEST)}"
    html: str = parser.renderer.render(tokens, parser.options, {})
    # A wide table scrolls by itself instead of making the page wide; a region that scrolls can be reached by keyboard.
    opening = '<div class="scroll" role="region" aria-label="table of the data card" tabindex="0"><table>'
    return html.replace("<table>", opening).replace("</table>", "</table></div>")
