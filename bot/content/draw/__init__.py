"""Dialogs as pictures, for the people who answer for them.

`chart` takes an article apart into boxes and answers, `layout` puts boxes on pages, `svg` and `mermaid` write them down. The
layout is ours: the pure-Python libraries that place layered graphs know neither answers inside a box nor pages.
"""

from bot.content.draw.mermaid import draw_mermaid
from bot.content.draw.svg import draw_pages, draw_svg

__all__ = ["draw_mermaid", "draw_pages", "draw_svg"]
