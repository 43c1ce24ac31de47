"""Drawn faces for the tests of the visual encoder: images of no real person.

Only arithmetic that IEEE 754 fixes to the last bit is used (no sines, no powers), so that an image
is the same everywhere: `face_reference.json` holds face-api's own results for some of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"smile": 1.0, "opening": 0.3},
    "sad": {"smile": -0.8, "brow_tilt": -0.5},
    "angry": {"smile": -0.4, "brow_tilt": 0.5},
    "surprised": {"opening": 0.8, "brow_height": 1.0},
}
"""How each expression is drawn. Disgust (a wrinkled nose) and fear cannot be drawn this way."""

WHITE, BLACK = (240, 240, 240), (55, 35, 25)


def drawn_face(
    height: int = 240,
    width: int = 320,
    centre: tuple[float, float] = (120, 160),
    size: float = 80,
    *,
    smile: float = 0.0,
    opening: float = 0.0,
    brow_height: float = 0.0,
    brow_tilt: float = 0.0,
    skin: Sequence[float] = (225, 175, 150),
    hair: Sequence[float] = BLACK,
) -> np.ndarray:
    """Draw a face in front of a wall: (height, width, 3) uint8.

    Args:
        centre: its row and column.
        size: half its height, in pixels.
        smile: how far the mouth's corners go up; negative: down.
        opening: of the mouth, and of the eyes with it.
        brow_height: how far the brows go up.
        brow_tilt: how far their inner ends go down; negative: up.
    """
    row, column = np.mgrid[:height, :width].astype(np.float64)
    u, v = (column - centre[1]) / size, (row - centre[0]) / size
    skin, hair = np.asarray(skin, np.float64), np.asarray(hair, np.float64)
    wall = (row // 32 + column // 32) % 2 * 12
    image = np.stack([80 + wall, 100 + wall, 120 + wall], -1)

    def paint(distance: np.ndarray, colour, opacity: float = 1.0) -> None:
        """Colour where the distance is negative, with a soft edge."""
        amount = opacity * np.clip(0.5 - distance * size / 3, 0, 1)[..., None]
        image[:] = image * (1 - amount) + np.asarray(colour) * amount

    def ellipse(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
        return np.sqrt(_square((u - x) / half_width) + _square((v - y) / half_height)) - 1

    head = ellipse(0, -0.25, 1.0, 1.15)
    paint(head, hair)
    paint(np.maximum(abs(u) - 0.35, np.maximum(v - 2.2, 0.6 - v)), skin * 0.84)  # the neck
    shade = 1 - 0.25 * _square(u) - 0.1 * np.maximum(v, 0)
    paint(ellipse(0, 0, 0.78, 1.05), skin * shade[..., None])
    paint(np.maximum(head, v + 0.62 + 0.15 * _square(u)), hair)  # the fringe
    for side in (-1, 1):
        x = side * 0.33
        eye = ellipse(x, -0.17, 0.16, 0.052 + 0.04 * opening)
        paint(ellipse(x, -0.2, 0.24, 0.16), skin * 0.5, opacity=0.35)
        paint(eye, WHITE)
        paint(np.maximum(ellipse(x, -0.17, 0.075, 0.075), eye), (60, 40, 30))
        brow = -0.36 - 0.1 * brow_height - brow_tilt * side * (u - x) + 0.35 * _square(u - x)
        paint(np.maximum(abs(v - brow) - 0.035, abs(u - x) - 0.2), hair)
        paint(ellipse(side * 0.07, 0.24, 0.05, 0.03), skin * 0.45, opacity=0.5)
    paint(np.maximum(abs(u - 0.06) - 0.03, abs(v - 0.05) - 0.2), skin * 0.65, opacity=0.25)
    _paint_mouth(paint, u, v, smile, opening)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _paint_mouth(paint, u: np.ndarray, v: np.ndarray, smile: float, opening: float) -> None:
    half_width = 0.26 + 0.1 * max(smile, 0)
    along = _square(u / half_width)
    middle = 0.52 + smile * (0.12 - 0.2 * along)
    lips, taper = 0.045 + 0.18 * opening, np.sqrt(np.maximum(1 - along, 0))
    paint(np.maximum(abs(v - middle) - lips * taper, abs(u) - half_width), (165, 70, 75))
    if opening > 0.05:
        inside = abs(v - middle) - (lips - 0.035) * taper
        paint(np.maximum(inside, abs(u) - 0.9 * half_width), (60, 20, 20))
    if smile > 0.3:
        teeth = abs(v - middle + 0.01) - 0.05 * taper
        paint(np.maximum(teeth, abs(u) - 0.85 * half_width), (245, 240, 235))


def _square(values: np.ndarray) -> np.ndarray:
    return values * values
