"""Strokes of SVG: tiny functions that write one element each, and the colours they are given.

Only attributes are used, no style, so that the pictures show under any Content-Security-Policy. Coordinates are on a
canvas of 400 by 400; things stand on the ground at y = 330.
"""

from __future__ import annotations

import msgspec

SIZE = 400
"""Width and height of the canvas."""


class Ink(msgspec.Struct, frozen=True):
    """What a shape is drawn with: colours as hexadecimal, `fill` also as the pattern."""

    ground: str
    """Background of the picture."""
    base: str
    """Main colour of the thing."""
    dark: str
    """Shade of the main colour."""
    light: str
    """Tint of the main colour."""
    accent: str
    """A second colour for handles, ribbons, flames."""
    fill: str
    """The patterned surface: ``url(#p)``."""


def rect(x: float, y: float, w: float, h: float, fill: str, r: float = 0, extra: str = "") -> str:
    """A rectangle with corners rounded by `r`."""
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{r:g}" fill="{fill}"{_more(extra)}/>'


def circle(x: float, y: float, r: float, fill: str, extra: str = "") -> str:
    """A disc."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{fill}"{_more(extra)}/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, extra: str = "") -> str:
    """An ellipse."""
    return f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="{fill}"{_more(extra)}/>'


def path(d: str, fill: str, extra: str = "") -> str:
    """A filled path."""
    return f'<path d="{d}" fill="{fill}"{_more(extra)}/>'


def line(d: str, stroke: str, width: float, extra: str = "") -> str:
    """A path that is only a stroke, with round ends."""
    more = _more(extra)
    return (
        f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width:g}" stroke-linecap="round" '
        f'stroke-linejoin="round"{more}/>'
    )


def group(content: str, transform: str) -> str:
    """Content moved, turned or scaled."""
    return f'<g transform="{transform}">{content}</g>'


def shadow(x: float = 200, width: float = 110) -> str:
    """The soft shadow on the ground under a standing thing."""
    return ellipse(x, 332, width, 11, "#2a2018", 'opacity="0.13"')


def gleam(d: str) -> str:
    """A soft highlight."""
    return path(d, "#ffffff", 'opacity="0.22"')


def shade(d: str) -> str:
    """A soft shade."""
    return path(d, "#1c1410", 'opacity="0.1"')


def heart(x: float, y: float, size: float, fill: str, extra: str = "") -> str:
    """A heart, `size` wide, centred at (x, y)."""
    u = size / 2
    d = (
        f"M{x:g} {y + u * 0.9:g} C{x - u * 1.5:g} {y - u * 0.05:g} {x - u * 0.9:g} {y - u * 1.05:g} {x:g} {y - u * 0.4:g} "
        f"C{x + u * 0.9:g} {y - u * 1.05:g} {x + u * 1.5:g} {y - u * 0.05:g} {x:g} {y + u * 0.9:g}Z"
    )
    return path(d, fill, extra)


def flame(x: float, y: float, size: float) -> str:
    """A flame with its glow; (x, y) is the foot."""
    glow = circle(x, y - size * 0.55, size * 1.3, "#ffd98a", 'opacity="0.35"')
    outer = (
        f"M{x:g} {y:g} C{x - size * 0.5:g} {y - size * 0.25:g} {x - size * 0.2:g} {y - size * 0.7:g} {x:g} {y - size * 1.15:g} "
        f"C{x + size * 0.2:g} {y - size * 0.7:g} {x + size * 0.5:g} {y - size * 0.25:g} {x:g} {y:g}Z"
    )
    return glow + path(outer, "#f2a33a") + ellipse(x, y - size * 0.25, size * 0.14, size * 0.22, "#fff1c4")


def star(x: float, y: float, r: float, fill: str) -> str:
    """A five-pointed star of outer radius `r`."""
    turns = (0.0, -1.0), (0.951, -0.309), (0.588, 0.809), (-0.588, 0.809), (-0.951, -0.309)
    inner = (0.225, -0.309), (0.363, 0.118), (0.0, 0.382), (-0.363, 0.118), (-0.225, -0.309)
    points = [p for pair in zip(turns, inner, strict=True) for p in pair]
    d = "M" + "L".join(f"{x + px * r:.1f} {y + py * r:.1f}" for px, py in points) + "Z"
    return path(d, fill, f'stroke="{fill}" stroke-width="{r * 0.12:.1f}" stroke-linejoin="round"')


def _more(extra: str) -> str:
    return f" {extra}" if extra else ""
