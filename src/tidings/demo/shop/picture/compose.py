"""The whole picture: ground, soft disc of light, pattern, shape."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tidings.demo.shop.picture import choose, palette
from tidings.demo.shop.picture.draw import SIZE, Ink, circle, rect
from tidings.ids import digest

_LIGHT = circle(200, 200, 172, "#ffffff", 'opacity="0.38"')


@lru_cache(maxsize=2_048)
def svg(item_id: str, name: str) -> str:
    """The picture of a product as SVG text; depends on nothing but its arguments."""
    ink = palette.ink(item_id, choose.words_of(name))
    side, tile = choose.tile(name)(_for_pattern(ink))
    turn = digest("turn", item_id)[0] % 3 * 2 - 2
    lean = f' patternTransform="rotate({turn * 4})"' if side != 132 else ' patternTransform="translate(134 118)"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}">'
        f'<defs><pattern id="p" width="{side:g}" height="{side:g}" patternUnits="userSpaceOnUse"{lean}>{tile}</pattern></defs>'
        f"{rect(0, 0, SIZE, SIZE, ink.ground)}{_LIGHT}"
        f"{choose.shape(name)(ink)}</svg>"
    )


def _for_pattern(ink: Ink) -> Ink:
    """On pale things a paler pattern would not show: there it is drawn in the shade."""
    pale = int(ink.base[1:3], 16) > 0xE8 and int(ink.base[5:7], 16) > 0xA0
    return msgspec.structs.replace(ink, light=ink.dark) if pale else ink
