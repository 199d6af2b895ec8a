"""Things around the house, and light."""

from __future__ import annotations

from tidings.demo.shop.picture.draw import (
    Ink,
    circle,
    ellipse,
    flame,
    gleam,
    group,
    heart,
    line,
    path,
    rect,
    shade,
    shadow,
)


def tea_light(ink: Ink) -> str:
    """A glass with a small flame in it."""
    glass = "M112 178 H288 L272 304 Q268 330 240 330 H160 Q132 330 128 304Z"
    return (
        shadow(width=92)
        + flame(200, 176, 58)
        + path(glass, ink.base)
        + path(glass, ink.fill)
        + ellipse(200, 178, 88, 15, ink.dark)
        + ellipse(200, 179, 74, 10, "#fff1c4")
        + gleam("M126 196 H146 L154 316 Q142 312 140 300Z")
    )


def hanging_light(ink: Ink) -> str:
    """A heart-shaped holder on a cord, with a flame."""
    cord = line("M200 30 V106", ink.dark, 4)
    bead = circle(200, 104, 10, ink.accent)
    ring = line(
        "M200 108 C96 62 52 190 200 322 C348 190 304 62 200 108", ink.base if ink.base != "#f7f3ea" else "#fffdf8", 17
    )
    edge = line("M200 108 C96 62 52 190 200 322 C348 190 304 62 200 108", ink.dark, 20, 'opacity="0.45"')
    cup = path("M158 206 H242 L236 254 Q234 264 224 264 H176 Q166 264 164 254Z", ink.dark) + path(
        "M158 206 H242 L236 254 Q234 264 224 264 H176 Q166 264 164 254Z", ink.fill
    )
    return cord + edge + ring + bead + flame(200, 206, 42) + cup


def candle(ink: Ink) -> str:
    """Three candles of different heights."""
    sticks = "".join(_stick(x, top, ink) for x, top in ((118, 204), (200, 148), (282, 226)))
    return shadow(width=126) + sticks


def lantern(ink: Ink) -> str:
    """A lantern with glass and a candle in it."""
    ring = circle(200, 70, 20, "none", f'stroke="{ink.dark}" stroke-width="8"')
    roof = path("M128 142 L176 92 H224 L272 142Z", ink.dark) + rect(116, 140, 168, 16, ink.base, 5)
    glass = rect(130, 156, 140, 150, "#fff3cf", 4) + flame(200, 262, 34) + rect(184, 262, 32, 44, ink.light, 4)
    bars = (
        rect(126, 156, 13, 150, ink.base)
        + rect(261, 156, 13, 150, ink.base)
        + line("M139 226 L170 156 M261 226 L230 156 M139 232 L170 306 M261 232 L230 306", ink.base, 5)
    )
    return shadow(width=96) + ring + roof + glass + bars + rect(112, 304, 176, 26, ink.dark, 7)


def fairy_lights(ink: Ink) -> str:
    """A string of lights."""
    cord = line("M34 110 C110 220 160 90 220 170 S330 210 366 110", ink.dark, 5)
    spots = (
        (66, 152, ink.base),
        (112, 170, ink.accent),
        (160, 142, ink.light),
        (206, 156, ink.base),
        (252, 190, ink.accent),
        (302, 190, ink.light),
        (344, 150, ink.base),
    )
    glow = "".join(circle(x, y + 40, 36, "#ffd98a", 'opacity="0.3"') for x, y, _ in spots)
    bulbs = "".join(
        rect(x - 8, y - 2, 16, 16, ink.dark, 3)
        + ellipse(x, y + 38, 19, 27, c)
        + gleam(f"M{x - 10} {y + 30} q2 -12 10 -14 q-4 10 -3 22Z")
        for x, y, c in spots
    )
    return glow + cord + bulbs


def night_light(ink: Ink) -> str:
    """A glowing toadstool."""
    glow = circle(200, 190, 148, "#ffd98a", 'opacity="0.28"')
    stalk = path("M160 208 Q168 280 146 330 H254 Q232 280 240 208Z", "#fff6e3")
    cap = "M66 214 C66 80 334 80 334 214 Q200 248 66 214Z"
    spots = "".join(
        ellipse(x, y, r, r * 0.85, ink.light)
        for x, y, r in ((140, 168, 19), (206, 136, 22), (268, 176, 17), (196, 198, 12))
    )
    return (
        glow
        + shadow(width=74)
        + stalk
        + path(cap, ink.base)
        + spots
        + circle(184, 276, 5, "#4a3427")
        + circle(216, 276, 5, "#4a3427")
        + line("M190 290 q10 8 20 0", "#4a3427", 4)
    )


def clock(ink: Ink) -> str:
    """An alarm clock with bells."""
    bells = group(path("M-36 0 A36 34 0 0 1 36 0Z", ink.accent), "translate(138 116) rotate(-32)") + group(
        path("M-36 0 A36 34 0 0 1 36 0Z", ink.accent), "translate(262 116) rotate(32)"
    )
    feet = line("M136 298 L114 328 M264 298 L286 328", ink.dark, 15)
    face = (
        circle(200, 218, 112, ink.dark)
        + circle(200, 218, 100, ink.base)
        + circle(200, 218, 100, ink.fill)
        + circle(200, 218, 78, "#fffaf0")
    )
    ticks = "".join(
        line("M200 150 V160", ink.dark, 5 if a % 90 else 8, f'transform="rotate({a} 200 218)"')
        for a in range(0, 360, 30)
    )
    hands = (
        line("M200 218 L200 174", "#3b2a22", 7)
        + line("M200 218 L234 238", "#3b2a22", 7)
        + circle(200, 218, 8, "#c4483d")
    )
    return shadow(width=104) + feet + bells + line("M200 92 V108", ink.dark, 10) + face + ticks + hands


def sign(ink: Ink) -> str:
    """A metal sign on a chain, with lettering."""
    chain = line("M108 150 L200 70 L292 150", ink.dark, 5, 'stroke-dasharray="2 9"') + circle(200, 68, 9, ink.accent)
    board = (
        rect(62, 148, 276, 148, ink.dark, 14)
        + rect(70, 156, 260, 132, ink.base, 9)
        + rect(70, 156, 260, 132, ink.fill, 9, 'opacity="0.35"')
    )
    text = (
        rect(104, 186, 192, 16, ink.light, 8)
        + rect(132, 214, 136, 16, ink.light, 8)
        + rect(118, 244, 100, 12, ink.accent, 6)
        + rect(228, 244, 54, 12, ink.accent, 6)
    )
    nails = "".join(circle(x, y, 5, ink.light) for x, y in ((84, 170), (316, 170), (84, 274), (316, 274)))
    return chain + board + text + nails


def frame(ink: Ink) -> str:
    """A picture frame with a landscape in it."""
    outer = (
        rect(88, 92, 224, 238, ink.dark, 8) + rect(94, 98, 212, 226, ink.base, 6) + rect(94, 98, 212, 226, ink.fill, 6)
    )
    view = (
        rect(126, 130, 148, 162, "#dce8ea")
        + circle(236, 168, 19, "#f2c15b")
        + path("M126 250 Q164 200 196 242 Q232 186 274 240 V292 H126Z", "#84a98a")
        + path("M126 270 Q180 240 274 274 V292 H126Z", "#5d8768")
    )
    return shadow(width=112) + outer + rect(118, 122, 164, 178, "#fffaf0") + view


def doormat(ink: Ink) -> str:
    """A doormat with a word on it."""
    mat = "M92 158 H308 L352 300 H48Z"
    fringe = line("M50 306 H350", ink.accent, 9, 'stroke-dasharray="1 14"') + line(
        "M92 152 H308", ink.accent, 7, 'stroke-dasharray="1 11"'
    )
    word = rect(142, 214, 116, 15, ink.light, 7) + rect(124, 244, 152, 17, ink.light, 8)
    return (
        path(mat, "#2a2018", 'opacity="0.12" transform="translate(0 12)"')
        + path(mat, ink.base)
        + path(mat, ink.fill, 'opacity="0.75"')
        + path("M112 186 H288 L310 276 H90Z", ink.dark, 'opacity="0.55"')
        + word
        + fringe
    )


def cushion(ink: Ink) -> str:
    """A plump cushion."""
    body = "M88 122 Q200 150 312 122 Q286 226 312 322 Q200 298 88 322 Q114 226 88 122Z"
    tassels = "".join(circle(x, y, 12, ink.accent) for x, y in ((88, 122), (312, 122), (88, 322), (312, 322)))
    return (
        shadow(width=118)
        + path(body, ink.base)
        + path(body, ink.fill)
        + shade("M312 122 Q286 226 312 322 Q272 308 240 306 Q266 220 250 136Z")
        + tassels
    )


def knob(ink: Ink) -> str:
    """A drawer front with two knobs."""
    drawer = (
        rect(66, 130, 268, 180, "#e9dcc7", 10)
        + rect(82, 146, 236, 148, "#f7eddc", 6)
        + rect(82, 146, 236, 148, "none", 6, 'stroke="#d7c6aa" stroke-width="4"')
    )
    ball = (
        circle(0, 6, 54, "#2a2018", 'opacity="0.13"')
        + circle(0, 0, 52, ink.dark)
        + circle(0, -3, 49, ink.base)
        + circle(0, -3, 49, ink.fill)
        + ellipse(-16, -20, 14, 10, "#ffffff", 'opacity="0.45"')
    )
    return drawer + group(ball, "translate(200 222)")


def hook(ink: Ink) -> str:
    """A board with hooks."""
    board = rect(56, 116, 288, 76, ink.base, 14) + rect(56, 116, 288, 76, ink.fill, 14)
    one = (
        circle(0, 0, 15, ink.accent)
        + line("M0 8 V66 Q0 96 28 92 Q42 88 40 70", ink.dark, 12)
        + circle(40, 68, 9, ink.accent)
    )
    return (
        rect(60, 126, 288, 76, "#2a2018", 14, 'opacity="0.1"')
        + board
        + "".join(group(one, f"translate({x} 158)") for x in (104, 190, 276))
    )


def key(ink: Ink) -> str:
    """A key on a fob."""
    ring = circle(152, 108, 36, "none", f'stroke="{ink.accent}" stroke-width="10"')
    fob = group(
        rect(-48, 0, 96, 156, ink.dark, 20)
        + rect(-43, 5, 86, 146, ink.base, 16)
        + rect(-43, 5, 86, 146, ink.fill, 16)
        + circle(0, 24, 9, ink.ground),
        "translate(128 142) rotate(14)",
    )
    shaft = line("M172 136 L276 268 M256 244 L280 226 M276 268 L302 248", "#a38a5a", 14)
    return shaft + ring + fob


def hanging_heart(ink: Ink) -> str:
    """A heart on a ribbon."""
    ribbon = (
        line("M200 38 V128", ink.accent, 6)
        + path("M200 116 L166 96 V136Z M200 116 L234 96 V136Z", ink.accent)
        + circle(200, 116, 8, ink.dark)
    )
    return (
        ribbon
        + heart(204, 238, 200, "#2a2018", 'opacity="0.12"')
        + heart(200, 230, 200, ink.base)
        + heart(200, 230, 200, ink.fill)
        + gleam("M112 206 Q108 158 152 160 Q124 176 128 226Z")
    )


def cabinet(ink: Ink) -> str:
    """A small chest of drawers."""
    body = (
        rect(84, 102, 232, 216, ink.base, 12)
        + rect(76, 92, 248, 20, ink.dark, 8)
        + rect(96, 316, 22, 16, ink.dark)
        + rect(282, 316, 22, 16, ink.dark)
    )
    drawers = "".join(
        rect(100, y, 200, 56, ink.light, 6)
        + rect(100, y, 200, 56, ink.fill, 6, 'opacity="0.6"')
        + circle(200, y + 28, 9, ink.accent)
        for y in (124, 188, 252)
    )
    return shadow(width=124) + body + drawers


def jewel_pot(ink: Ink) -> str:
    """A little lidded trinket pot."""
    low = path("M98 222 H302 Q302 330 244 330 H156 Q98 330 98 222Z", ink.base) + path(
        "M98 222 H302 Q302 330 244 330 H156 Q98 330 98 222Z", ink.fill
    )
    lid = (
        path("M92 222 C92 134 308 134 308 222Z", ink.dark)
        + path("M92 222 C92 134 308 134 308 222Z", ink.fill, 'opacity="0.5"')
        + circle(200, 146, 20, ink.accent)
    )
    return (
        shadow(width=94)
        + low
        + lid
        + rect(86, 214, 228, 17, ink.light, 8)
        + gleam("M112 206 Q122 170 166 162 Q136 182 130 208Z")
    )


def _stick(x: float, top: float, ink: Ink) -> str:
    body = rect(x - 30, top, 60, 330 - top, ink.base, 6) + rect(x - 30, top, 60, 330 - top, ink.fill, 6)
    return (
        flame(x, top - 8, 36)
        + line(f"M{x} {top} V{top - 12}", "#3b2a22", 4)
        + body
        + ellipse(x, top, 30, 8, ink.light)
        + gleam(f"M{x - 22} {top + 14} h10 V318 h-10Z")
    )
