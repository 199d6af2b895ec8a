"""Things for children, garden and Christmas."""

from __future__ import annotations

from tidings.demo.shop.picture.draw import (
    Ink,
    circle,
    ellipse,
    gleam,
    group,
    heart,
    line,
    path,
    rect,
    shadow,
    star,
)


def doll(ink: Ink) -> str:
    """A rag doll."""
    hair = circle(200, 122, 62, ink.dark) + line(
        "M146 136 C128 176 132 190 138 206 M254 136 C272 176 268 190 262 206", ink.dark, 24
    )
    face = (
        circle(200, 130, 50, "#f6dcc3")
        + circle(182, 128, 5, "#3b2a22")
        + circle(218, 128, 5, "#3b2a22")
        + circle(170, 146, 9, "#e9a592", 'opacity="0.7"')
        + circle(230, 146, 9, "#e9a592", 'opacity="0.7"')
        + line("M190 150 q10 9 20 0", "#b0503f", 4)
    )
    arms = line("M160 206 L116 262 M240 206 L284 262", "#f6dcc3", 20)
    dress = "M164 180 H236 L284 308 Q200 334 116 308Z"
    return (
        shadow(width=80)
        + line("M178 306 V330 M222 306 V330", "#f6dcc3", 18)
        + arms
        + hair
        + path(dress, ink.base)
        + path(dress, ink.fill)
        + face
        + path("M152 112 Q200 74 248 112 Q200 100 152 112Z", ink.dark)
        + circle(200, 188, 9, ink.accent)
    )


def blocks(ink: Ink) -> str:
    """Wooden blocks."""
    spots = ((86, 222, ink.base, "A"), (202, 222, ink.accent, "C"), (144, 112, ink.dark, "B"))
    text = 'font-family="Georgia,serif" font-weight="700" font-size="62" text-anchor="middle"'
    cubes = "".join(
        rect(x, y, 108, 108, c, 10)
        + rect(x, y, 108, 108, ink.fill, 10, 'opacity="0.35"')
        + rect(x + 14, y + 14, 80, 80, "#fffaf0", 6)
        + f'<text x="{x + 54}" y="{y + 76}" fill="{c}" {text}>{t}</text>'
        for x, y, c, t in spots
    )
    return shadow(width=128) + cubes


def game(ink: Ink) -> str:
    """A board with counters and a die."""
    board = rect(84, 108, 206, 206, ink.dark, 12)
    squares = "".join(
        rect(97 + c * 30, 121 + r * 30, 30, 30, ink.light if (r + c) % 2 else ink.base)
        for r in range(6)
        for c in range(6)
    )
    pieces = circle(142, 166, 12, ink.accent) + circle(232, 256, 12, "#fffaf0") + circle(202, 166, 12, "#3b2a22")
    die = group(
        rect(-34, -34, 68, 68, "#fffaf0", 13)
        + "".join(circle(x, y, 6, "#3b2a22") for x, y in ((-15, -15), (15, 15), (0, 0), (-15, 15), (15, -15))),
        "translate(294 284) rotate(16)",
    )
    return shadow(width=130) + group(board + squares + pieces, "rotate(-4 190 210)") + die


def spinning_top(ink: Ink) -> str:
    """A wooden toy: a spinning top with its cord."""
    body = "M96 182 Q200 140 304 182 Q296 250 216 306 L200 330 L184 306 Q104 250 96 182Z"
    return (
        shadow(width=54)
        + rect(190, 88, 20, 84, ink.accent, 9)
        + path(body, ink.base)
        + path(body, ink.fill)
        + path("M96 182 Q200 222 304 182 Q200 140 96 182Z", ink.dark)
        + line("M116 226 Q200 266 284 226", ink.light, 9)
        + line("M210 104 C290 92 330 140 352 116", ink.dark, 5)
    )


def money_box(ink: Ink) -> str:
    """A money box in the shape of a little pig."""
    legs = rect(128, 292, 30, 38, ink.dark, 8) + rect(238, 292, 30, 38, ink.dark, 8)
    body = ellipse(196, 230, 118, 84, ink.base) + ellipse(196, 230, 118, 84, ink.fill)
    head = (
        circle(292, 212, 44, ink.base)
        + ellipse(328, 222, 18, 22, ink.dark)
        + circle(298, 198, 5, "#3b2a22")
        + path("M262 176 L270 140 L298 170Z", ink.dark)
    )
    return (
        shadow(width=108)
        + line("M80 220 q-26 -6 -18 -28 q16 -8 14 12", ink.dark, 7)
        + legs
        + body
        + head
        + rect(168, 150, 56, 10, "#3b2a22", 5)
        + circle(196, 118, 24, "#e3b04b")
        + circle(196, 118, 15, "none", 'stroke="#b57f27" stroke-width="3"')
    )


def watering_can(ink: Ink) -> str:
    """A watering can with drops."""
    body = rect(128, 174, 154, 156, ink.base, 16) + rect(128, 174, 154, 156, ink.fill, 16)
    spout = path("M134 292 L66 168 L92 158 L134 230Z", ink.dark) + path("M44 158 L92 138 L104 164 L58 184Z", ink.accent)
    handle = line("M160 176 C170 90 300 110 280 216 Q278 262 282 286", ink.dark, 13)
    drops = "".join(ellipse(x, y, 5, 8, "#7fabc4") for x, y in ((44, 206), (62, 226), (38, 244), (56, 266)))
    return shadow(206, 92) + handle + spout + body + drops + ellipse(205, 176, 77, 14, ink.dark)


def plant(ink: Ink) -> str:
    """A pot with a plant in it."""
    leaf = "M0 0 C-40 -40 -30 -110 0 -136 C30 -110 40 -40 0 0Z"
    leaves = "".join(
        group(path(leaf, c), f"translate(200 216) rotate({a}) scale({s})")
        for a, s, c in (
            (-58, 0.9, "#5d8768"),
            (58, 0.9, "#6d9870"),
            (-28, 1.05, "#7aa37c"),
            (30, 1.05, "#5d8768"),
            (0, 1.15, "#6d9870"),
        )
    )
    pot = "M118 214 H282 L264 312 Q260 330 242 330 H158 Q140 330 136 312Z"
    return (
        shadow(width=88)
        + leaves
        + path(pot, ink.base)
        + path(pot, ink.fill)
        + rect(106, 200, 188, 30, ink.dark, 8)
        + gleam("M134 236 H150 L158 318 Q150 316 148 308Z")
    )


def bird(ink: Ink) -> str:
    """A bird on a branch."""
    branch = (
        line("M50 296 Q200 270 350 300", "#8d6a4a", 11)
        + ellipse(318, 278, 21, 9, "#6d9870", 'transform="rotate(-24 318 278)"')
        + ellipse(84, 276, 21, 9, "#6d9870", 'transform="rotate(20 84 276)"')
    )
    body = "M62 238 L118 206 C128 130 226 92 264 148 L300 156 L268 178 C276 250 196 298 130 264Z"
    wing = "M132 214 C160 170 222 176 232 212 C210 252 160 256 132 214Z"
    return (
        branch
        + path(body, ink.base)
        + path(wing, ink.dark)
        + path(wing, ink.fill)
        + circle(244, 152, 6, "#2b2320")
        + path("M264 148 L304 156 L266 172Z", ink.accent)
        + line("M176 270 V284 M204 262 V280", ink.accent, 5)
    )


def butterfly(ink: Ink) -> str:
    """A butterfly."""
    wing = "M0 -8 C30 -120 140 -120 132 -42 C128 2 60 12 0 0 C70 8 104 40 84 84 C58 122 6 70 0 16Z"
    half = (
        path(wing, ink.base) + path(wing, ink.fill) + circle(92, -60, 15, ink.accent) + circle(58, 58, 10, ink.accent)
    )
    return (
        group(half, "translate(206 212)")
        + group(half, "translate(194 212) scale(-1 1)")
        + rect(192, 150, 16, 132, ink.dark, 8)
        + line("M198 152 C188 122 176 114 166 108 M202 152 C212 122 224 114 234 108", ink.dark, 5)
    )


def tree(ink: Ink) -> str:
    """A Christmas tree."""
    tiers = "".join(
        path(f"M200 {top} L{200 + half} {low} Q200 {low + 22} {200 - half} {low}Z", ink.base if n % 2 else ink.dark)
        + path(f"M200 {top} L{200 + half} {low} Q200 {low + 22} {200 - half} {low}Z", ink.fill, 'opacity="0.7"')
        for n, (top, half, low) in enumerate(((164, 118, 292), (116, 92, 220), (78, 66, 156)))
    )
    balls = "".join(
        circle(x, y, 8, c)
        for x, y, c in (
            (160, 272, "#e3b04b"),
            (226, 278, ink.light),
            (196, 206, "#e3b04b"),
            (236, 226, ink.light),
            (178, 146, ink.light),
            (212, 136, "#e3b04b"),
        )
    )
    return shadow(width=66) + rect(184, 288, 32, 42, "#8d6a4a", 4) + tiers + balls + star(200, 72, 25, "#e3b04b")


def bauble(ink: Ink) -> str:
    """A glass ball on a thread."""
    return (
        line("M200 30 V96", ink.dark, 4)
        + rect(180, 90, 40, 30, "#c9a65a", 6)
        + circle(204, 226, 108, "#2a2018", 'opacity="0.1"')
        + circle(200, 218, 106, ink.base)
        + circle(200, 218, 106, ink.fill)
        + rect(97, 206, 206, 24, ink.accent, 0, 'opacity="0.85"')
        + ellipse(158, 166, 26, 17, "#ffffff", 'opacity="0.4" transform="rotate(-34 158 166)"')
    )


def hanging_star(ink: Ink) -> str:
    """A star on a ribbon."""
    return (
        line("M200 36 V104", ink.accent, 6)
        + star(204, 226, 116, "#d9cbb6")
        + star(200, 218, 116, ink.base)
        + star(200, 218, 116, ink.fill)
        + star(200, 220, 44, ink.accent)
    )


def stocking(ink: Ink) -> str:
    """A Christmas stocking."""
    body = "M140 116 H252 V228 C252 248 318 250 318 290 C318 330 280 330 250 330 H210 C160 330 140 304 140 262Z"
    return (
        path(body, ink.base)
        + path(body, ink.fill)
        + rect(126, 84, 140, 48, "#fffaf0", 16)
        + path("M250 330 C276 322 290 284 276 256 Q318 264 318 290 C318 330 280 330 250 330Z", ink.accent)
        + line("M256 86 q28 -34 6 -50", ink.dark, 6)
    )


def windmill(ink: Ink) -> str:
    """A paper windmill."""
    blade = (
        path("M0 0 L0 -104 Q64 -96 60 -44Z", ink.base)
        + path("M0 0 L0 -104 Q64 -96 60 -44Z", ink.fill)
        + path("M0 0 L60 -44 L40 -8Z", ink.dark)
    )
    return (
        shadow(width=30)
        + rect(193, 170, 14, 162, "#c99c6d", 6)
        + "".join(group(blade, f"translate(200 168) rotate({a})") for a in (0, 90, 180, 270))
        + circle(200, 168, 12, ink.accent)
    )


def plasters(ink: Ink) -> str:
    """A flat tin of plasters, two lying on it."""
    case = (
        rect(78, 180, 244, 146, ink.dark, 18)
        + rect(84, 172, 232, 140, ink.base, 16)
        + rect(84, 172, 232, 140, ink.fill, 16)
    )
    strip = (
        rect(-74, -20, 148, 40, "#f1cfae", 20)
        + rect(-24, -20, 48, 40, "#e2b48d")
        + "".join(circle(x, y, 2.4, "#c99c6d") for x in (-12, 0, 12) for y in (-8, 8))
    )
    return (
        shadow(width=126)
        + case
        + group(strip, "translate(188 130) rotate(-16)")
        + group(strip, "translate(222 214) rotate(24)")
    )


def toy_house(ink: Ink) -> str:
    """A small house with a chimney."""
    walls = rect(106, 186, 188, 144, ink.light, 4) + rect(106, 186, 188, 144, ink.fill, 4, 'opacity="0.4"')
    roof = (
        rect(246, 96, 30, 70, ink.dark)
        + path("M80 196 L200 88 L320 196Z", ink.base)
        + path("M80 196 L200 88 L320 196Z", ink.fill)
    )
    return (
        shadow(width=116)
        + walls
        + roof
        + rect(176, 248, 48, 82, ink.dark, 24)
        + circle(212, 292, 4, ink.accent)
        + rect(124, 216, 38, 38, "#fffaf0", 4)
        + rect(238, 216, 38, 38, "#fffaf0", 4)
        + heart(200, 162, 32, ink.accent)
    )
