"""Paper and parties; and the gift box that stands for anything that no other picture fits."""

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
    shade,
    shadow,
    star,
)


def bunting(ink: Ink) -> str:
    """Flags on a line."""
    cord = line("M24 120 Q200 210 376 120", ink.dark, 6)
    fills = (ink.base, ink.accent, ink.dark, ink.base, ink.accent)
    spots = ((58, 134, 14), (128, 158, 7), (200, 165, 0), (272, 158, -7), (342, 134, -14))
    flag = "M-34 0 H34 L0 106Z"
    flags = "".join(
        group(
            path(flag, c) + path(flag, ink.fill, 'opacity="0.95"' if n % 2 == 0 else 'opacity="0.55"'),
            f"translate({x} {y}) rotate({a})",
        )
        for n, ((x, y, a), c) in enumerate(zip(spots, fills, strict=True))
    )
    return flags + cord


def doily(ink: Ink) -> str:
    """A round lace paper."""
    scallops = "".join(circle(200, 84, 23, ink.base, f'transform="rotate({a} 200 205)"') for a in range(0, 360, 20))
    holes = "".join(circle(200, 84, 8, ink.ground, f'transform="rotate({a} 200 205)"') for a in range(0, 360, 20))
    petals = "".join(
        ellipse(200, 158, 11, 27, ink.ground, f'transform="rotate({a} 200 205)"') for a in range(0, 360, 30)
    )
    return (
        circle(204, 212, 134, "#2a2018", 'opacity="0.08"')
        + scallops
        + circle(200, 205, 118, ink.base)
        + holes
        + petals
        + circle(200, 205, 26, ink.accent)
    )


def card(ink: Ink) -> str:
    """A greeting card before its envelope."""
    envelope = group(
        rect(-104, -72, 208, 144, "#fffaf0", 8)
        + path("M-104 -66 L0 14 L104 -66", "none", f'stroke="{ink.dark}" stroke-width="5" opacity="0.5"'),
        "translate(236 238) rotate(9)",
    )
    front = (
        rect(-78, -110, 156, 220, ink.base, 8)
        + rect(-78, -110, 156, 220, ink.fill, 8)
        + rect(-50, -58, 100, 116, "#fffaf0", 50)
        + heart(0, -6, 58, ink.accent)
    )
    return shadow(width=124) + envelope + group(front, "translate(160 206) rotate(-7)")


def wrap(ink: Ink) -> str:
    """Rolls of paper with a ribbon."""
    roll = (
        rect(-38, -130, 76, 260, ink.base, 10)
        + rect(-38, -130, 76, 260, ink.fill, 10)
        + ellipse(0, -128, 38, 13, ink.light)
        + ellipse(0, -128, 17, 6, ink.dark)
        + gleam("M-28 -104 h12 V118 h-12Z")
    )
    band = rect(-42, -8, 84, 22, ink.accent, 4)
    return (
        shadow(width=122)
        + group(roll + band, "translate(138 196) rotate(-16)")
        + group(roll + band, "translate(264 196) rotate(14)")
        + group(roll + band, "translate(200 204)")
    )


def notebook(ink: Ink) -> str:
    """A notebook with a band and a pencil."""
    pages = (
        rect(112, 92, 196, 238, "#efe6d4", 10)
        + rect(104, 84, 196, 238, ink.base, 12)
        + rect(104, 84, 196, 238, ink.fill, 12)
    )
    label = rect(146, 138, 118, 66, "#fffaf0", 8) + line("M164 160 H246 M164 180 H222", ink.dark, 5)
    return shadow(width=118) + pages + rect(104, 84, 30, 238, ink.dark, 10) + label + rect(272, 84, 12, 238, ink.accent)


def pencils(ink: Ink) -> str:
    """A tube of pencils."""
    colours = (ink.base, ink.accent, "#6d9870", "#54809f", ink.dark)
    sticks = "".join(
        rect(112 + n * 36, 104 - (n % 2) * 22, 30, 150, c, 3)
        + path(f"M{112 + n * 36} {104 - (n % 2) * 22} h30 l-15 -38Z", "#ecd3ae")
        + path(f"M{122 + n * 36} {79 - (n % 2) * 22} h10 l-5 -13Z", c)
        for n, c in enumerate(colours)
    )
    tube = (
        rect(98, 180, 204, 150, ink.base, 14)
        + rect(98, 180, 204, 150, ink.fill, 14)
        + ellipse(200, 182, 102, 15, ink.dark)
    )
    return (
        shadow(width=106)
        + ellipse(200, 182, 102, 15, ink.dark)
        + tube
        + sticks.replace('height="150"', 'height="84"')
        + line("M98 184 Q200 212 302 184", ink.dark, 6)
    )


def pen(ink: Ink) -> str:
    """A pen or lipstick, slanting over a written line."""
    body = (
        rect(-24, -110, 48, 150, ink.base, 14)
        + rect(-24, -110, 48, 150, ink.fill, 14)
        + rect(-26, 22, 52, 24, ink.accent, 5)
        + path("M-21 46 H21 L6 104 H-6Z", ink.dark)
        + path("M-6 104 H6 L0 122Z", "#3b2a22")
    )
    return (
        rect(72, 258, 200, 72, "#fffaf0", 8)
        + line("M92 284 H190 M92 304 H160", ink.dark, 5, 'opacity="0.5"')
        + group(body, "translate(244 182) rotate(34)")
    )


def ribbon(ink: Ink) -> str:
    """A reel of ribbon."""
    tail = line("M270 246 C330 250 300 320 352 316", ink.base, 20)
    side = ellipse(200, 130, 104, 30, ink.light) + ellipse(200, 130, 34, 10, ink.dark)
    band = path("M120 150 H280 V270 Q200 300 120 270Z", ink.base) + path(
        "M120 150 H280 V270 Q200 300 120 270Z", ink.fill
    )
    return (
        shadow(width=104)
        + tail
        + ellipse(200, 290, 104, 32, ink.dark)
        + ellipse(200, 282, 104, 32, ink.light)
        + band
        + ellipse(200, 140, 104, 32, ink.dark)
        + side
    )


def tags(ink: Ink) -> str:
    """Gift tags on a string."""
    tag = "M0 -110 L48 -66 V100 Q48 112 36 112 H-36 Q-48 112 -48 100 V-66Z"
    one = (
        path(tag, ink.base)
        + path(tag, ink.fill)
        + circle(0, -70, 10, ink.ground)
        + line("M0 -72 C-10 -130 20 -140 10 -170", ink.accent, 5)
    )
    plain = (
        path(tag, "#fffaf0")
        + circle(0, -70, 10, ink.ground)
        + heart(0, 26, 52, ink.accent)
        + line("M0 -72 C10 -130 -20 -140 -4 -170", ink.accent, 5)
    )
    return group(plain, "translate(262 216) rotate(13)") + group(one, "translate(152 222) rotate(-10)")


def cracker(ink: Ink) -> str:
    """A party cracker."""
    middle = rect(118, 160, 164, 92, ink.base, 12) + rect(118, 160, 164, 92, ink.fill, 12)
    end = "M0 0 L72 -36 L60 -18 L76 0 L60 18 L72 36Z"
    ends = group(path(end, ink.dark), "translate(276 206) scale(1.15 1.3)") + group(
        path(end, ink.dark), "translate(124 206) scale(-1.15 1.3)"
    )
    return (
        group(
            ends
            + middle
            + rect(110, 158, 16, 96, ink.accent, 5)
            + rect(274, 158, 16, 96, ink.accent, 5)
            + star(200, 206, 26, ink.light),
            "rotate(-14 200 206)",
        )
        + star(96, 110, 9, ink.accent)
        + star(312, 118, 7, ink.base)
    )


def chain(ink: Ink) -> str:
    """A paper chain."""
    rings = "".join(
        circle(
            70 + n * 65,
            150 + (0, 44, 62, 44, 0)[n],
            44,
            "none",
            f'stroke="{(ink.base, ink.accent, ink.dark)[n % 3]}" stroke-width="22"',
        )
        for n in range(5)
    )
    return rings + "".join(
        circle(70 + n * 65, 150 + (0, 44, 62, 44, 0)[n], 44, "none", 'stroke="url(#p)" stroke-width="22"')
        for n in range(5)
    )


def gift(ink: Ink) -> str:
    """A wrapped present: what stands for anything that no other picture fits."""
    low = rect(96, 206, 208, 124, ink.base, 8) + rect(96, 206, 208, 124, ink.fill, 8)
    lid = rect(82, 164, 236, 52, ink.dark, 8) + rect(82, 164, 236, 52, ink.fill, 8, 'opacity="0.5"')
    bow = path("M200 164 C140 160 110 96 150 92 C182 90 198 136 200 164Z", ink.accent) + path(
        "M200 164 C260 160 290 96 250 92 C218 90 202 136 200 164Z", ink.accent
    )
    return (
        shadow(width=112)
        + low
        + lid
        + rect(184, 164, 32, 166, ink.accent)
        + bow
        + circle(200, 160, 15, ink.accent)
        + shade("M82 206 H318 V216 H82Z")
    )
