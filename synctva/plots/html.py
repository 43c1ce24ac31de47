"""Plots and tables as HTML that screen readers can read."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import matplotlib
from matplotlib.figure import Figure

STYLE = """
.panels {display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start}
.panels figure {margin: 0; max-width: 100%}
.panels figcaption, .panels caption {text-align: left; font-weight: 600; padding: 4px 0}
.panels > .numbers {flex: 1 1 440px}
.plot, .numbers {overflow-x: auto}
.plot img {max-width: none; background: white}
.numbers table {width: 100%; border-collapse: collapse}
.numbers table, .numbers tr, .numbers thead, .numbers tbody {border: 0 !important}
.numbers th, .numbers td {text-align: left; padding: 4px 12px 4px 0; vertical-align: top;
    border: 0 !important; border-bottom: 1px solid #8885 !important}
"""
"""Style sheet of the HTML of this module."""


def panels(*parts: str) -> str:
    """Return the parts side by side, if there is room."""
    return f'<div class="panels">{"".join(parts)}</div>'


def plot(figure: Figure, caption: str, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a figure together with its numbers in a table.

    Args:
        figure: from `synctva.plots`.
        caption: what it shows.
        header, rows: the numbers, see `table`.
    """
    file = io.StringIO()
    # Keep text as text: the browser can draw characters that matplotlib's font lacks.
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg")
    source = base64.b64encode(file.getvalue().encode()).decode()
    name = escape(caption)
    return (
        f'<figure><figcaption>{name}</figcaption><div class="plot">'
        f'<img alt="{name}; the numbers are below" src="data:image/svg+xml;base64,{source}"></div>'
        f"<details><summary>The same as numbers</summary>{table(caption, header, rows)}</details>"
        "</figure>"
    )


def table(caption: str, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table.

    Args:
        caption: above the table.
        header: title of each column.
        rows: cells, which are shown as `str` gives them; HTML in them is escaped.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f'<div class="numbers"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


__all__ = ["STYLE", "panels", "plot", "table"]
