"""The texts of a figure after drawing."""

from __future__ import annotations

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts(figure: Figure) -> list[Text]:
    """Draw the figure and return all visible texts."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    # A tick outside the limits has a label that is not drawn.
    undrawn = {
        id(label)
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(low, high) <= tick.get_loc() <= max(low, high)
    }
    return [text for text in shown if id(text) not in undrawn]


def assert_readable(figure: Figure) -> None:
    """Check that no text overlaps another or leaves the plot."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.overlaps(second), (one, other)
    for name, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0, name
        assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, name
