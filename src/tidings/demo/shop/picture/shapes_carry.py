"""Things to carry things in."""

from __future__ import annotations

from tidings.demo.shop.picture.draw import Ink, circle, gleam, line, path, rect, shade, shadow


def tote(ink: Ink) -> str:
    """A big shopper with two handles."""
    handles = line("M150 150 C150 60 250 60 250 150", ink.dark, 9) + line(
        "M138 158 C138 40 262 40 262 158", ink.accent, 9
    )
    body = "M88 146 H312 L324 318 Q325 330 312 330 H88 Q75 330 76 318Z"
    return (
        shadow(width=130)
        + handles
        + path(body, ink.base)
        + path(body, ink.fill)
        + rect(86, 142, 228, 15, ink.dark, 4)
        + shade("M268 157 H313 L324 318 Q325 330 312 330 H284Z")
    )


def lunch_bag(ink: Ink) -> str:
    """An insulated bag with a folded top and one handle."""
    handle = line("M158 106 C158 62 242 62 242 106", ink.accent, 11)
    body = "M104 128 H296 V314 Q296 330 280 330 H120 Q104 330 104 314Z"
    flap = "M112 100 H288 Q296 100 297 110 L300 158 H100 L103 110 Q104 100 112 100Z"
    clasp = rect(184, 148, 32, 22, ink.accent, 5) + rect(192, 155, 16, 8, ink.light, 3)
    return (
        shadow(width=105)
        + handle
        + path(body, ink.base)
        + path(body, ink.fill)
        + path(flap, ink.dark)
        + gleam("M112 100 H150 L140 158 H100Z")
        + clasp
    )


def handbag(ink: Ink) -> str:
    """A rounded bag with a bow handle."""
    handle = line("M138 176 C132 70 268 70 262 176", ink.dark, 12)
    body = "M96 170 H304 C330 240 330 300 304 322 Q296 330 284 330 H116 Q104 330 96 322 C70 300 70 240 96 170Z"
    clasp = rect(92, 164, 216, 18, ink.dark, 8) + circle(200, 182, 13, ink.accent) + circle(200, 182, 5, ink.light)
    return (
        shadow(width=122)
        + handle
        + path(body, ink.base)
        + path(body, ink.fill)
        + gleam("M100 190 C84 230 82 280 98 310 L116 316 C102 270 104 220 122 186Z")
        + clasp
    )


def box(ink: Ink) -> str:
    """A box or lunch box with a lid and a catch."""
    low = rect(82, 200, 236, 130, ink.base, 16) + rect(82, 200, 236, 130, ink.fill, 16)
    lid = path("M82 206 V172 Q82 140 114 140 H286 Q318 140 318 172 V206Z", ink.dark) + rect(
        150, 112, 100, 14, ink.accent, 7
    )
    hold = rect(158, 120, 12, 24, ink.accent) + rect(230, 120, 12, 24, ink.accent)
    return (
        shadow(width=128)
        + low
        + hold
        + lid
        + gleam("M96 178 Q98 156 120 154 H170 L160 176Z")
        + rect(184, 192, 32, 30, ink.light, 6)
        + circle(200, 206, 5, ink.dark)
    )


def purse(ink: Ink) -> str:
    """A small purse or wallet with a press stud."""
    body = rect(92, 168, 216, 150, ink.base, 18) + rect(92, 168, 216, 150, ink.fill, 18)
    flap = path("M92 196 V186 Q92 168 110 168 H290 Q308 168 308 186 V196 C270 262 130 262 92 196Z", ink.dark)
    return (
        shadow(width=116)
        + body
        + flap
        + circle(200, 238, 12, ink.accent)
        + circle(200, 238, 5, ink.light)
        + gleam("M106 186 Q108 180 118 180 H200 L190 194 H108Z")
    )


def case(ink: Ink) -> str:
    """A little suitcase."""
    handle = line("M164 142 V122 Q164 108 178 108 H222 Q236 108 236 122 V142", ink.dark, 11)
    body = rect(76, 142, 248, 182, ink.base, 22) + rect(76, 142, 248, 182, ink.fill, 22)
    straps = rect(112, 142, 20, 182, ink.accent) + rect(268, 142, 20, 182, ink.accent)
    corners = "".join(circle(x, y, 13, ink.dark) for x, y in ((90, 156), (310, 156), (90, 310), (310, 310)))
    return shadow(width=124) + handle + body + straps + corners + rect(184, 150, 32, 18, ink.light, 4)


def basket(ink: Ink) -> str:
    """A wicker basket."""
    weave = "".join(
        line(f"M{92 + n * 6} {214 + n * 24} H{308 - n * 6}", ink.dark, 3, 'stroke-dasharray="16 10"') for n in range(5)
    )
    body = path("M80 190 H320 L294 322 Q292 330 282 330 H118 Q108 330 106 322Z", ink.base)
    handle = line("M104 190 C104 60 296 60 296 190", ink.dark, 12) + line(
        "M104 190 C104 60 296 60 296 190", ink.accent, 4, 'stroke-dasharray="10 12"'
    )
    return (
        shadow(width=112)
        + handle
        + body
        + weave
        + rect(72, 178, 256, 26, ink.dark, 13)
        + path("M150 178 q50 -52 100 0Z", ink.light)
    )


def umbrella(ink: Ink) -> str:
    """An open umbrella or parasol."""
    top = "M52 204 C64 88 336 88 348 204 Q324 180 299 204 Q274 180 250 204 Q225 180 200 204 Q175 180 150 204 Q126 180 101 204 Q76 180 52 204Z"
    pole = line("M200 92 V300 Q200 328 224 328 Q246 328 246 304", ink.dark, 9)
    ribs = line("M200 108 Q160 140 150 200 M200 108 Q240 140 250 200", ink.dark, 2.5, 'opacity="0.35"')
    return (
        pole
        + path(top, ink.base)
        + path(top, ink.fill)
        + ribs
        + gleam("M70 180 C92 120 150 106 190 106 C140 124 112 150 104 186 Q86 178 70 180Z")
        + circle(200, 104, 8, ink.accent)
    )


def apron(ink: Ink) -> str:
    """An apron on its strings."""
    body = "M156 130 H244 C246 176 264 196 288 204 V312 Q288 330 270 330 H130 Q112 330 112 312 V204 C136 196 154 176 156 130Z"
    strings = line("M158 132 C150 62 250 62 242 132", ink.accent, 7) + line(
        "M114 212 C90 216 78 236 84 262 M286 212 C310 216 322 236 316 262", ink.accent, 7
    )
    pocket = path("M156 236 H244 V278 Q244 296 226 296 H174 Q156 296 156 278Z", ink.dark) + rect(
        156, 236, 88, 11, ink.accent
    )
    return strings + path(body, ink.base) + path(body, ink.fill) + pocket


def bottle_warm(ink: Ink) -> str:
    """A hot water bottle in its knitted cover."""
    body = (
        "M136 148 Q200 118 264 148 Q292 162 292 206 V282 Q292 330 244 330 H156 Q108 330 108 282 V206 Q108 162 136 148Z"
    )
    neck = rect(172, 96, 56, 50, ink.dark, 8) + rect(164, 76, 72, 26, ink.accent, 10)
    ribs = "".join(line(f"M{182 + n * 12} 104 V138", ink.base, 3) for n in range(4))
    return (
        shadow(width=98)
        + neck
        + ribs
        + path(body, ink.base)
        + path(body, ink.fill)
        + gleam("M128 178 Q118 196 118 224 V276 Q120 300 136 312 Q130 240 144 168Z")
    )


def tie_sack(ink: Ink) -> str:
    """A drawstring sack, for sets in a bag."""
    body = "M140 158 C84 210 78 330 120 330 H280 C322 330 316 210 260 158Z"
    ruff = "M136 158 Q120 112 150 96 Q176 112 200 96 Q224 112 250 96 Q280 112 264 158Z"
    tie = rect(138, 150, 124, 15, ink.accent, 7) + line(
        "M196 164 C180 190 176 204 184 222 M206 164 C222 190 226 204 218 222", ink.accent, 5
    )
    return (
        shadow(width=112)
        + path(ruff, ink.dark)
        + path(body, ink.base)
        + path(body, ink.fill)
        + shade("M262 166 C300 214 312 330 280 330 H246 C286 300 284 220 262 166Z")
        + tie
    )
