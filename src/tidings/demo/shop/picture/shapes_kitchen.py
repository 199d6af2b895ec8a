"""Things for the kitchen and the table."""

from __future__ import annotations

from tidings.demo.shop.picture.draw import Ink, circle, ellipse, gleam, group, line, path, rect, shade, shadow


def mug(ink: Ink) -> str:
    """A mug with its handle, steaming."""
    body = "M100 150 H266 V292 Q266 330 228 330 H138 Q100 330 100 292Z"
    handle = line("M266 182 C336 176 336 280 262 278", ink.dark, 18)
    steam = line("M158 120 q-14 -18 0 -34 t0 -32 M206 120 q-14 -18 0 -34 t0 -32", "#ffffff", 7, 'opacity="0.75"')
    return (
        shadow(190, 100)
        + steam
        + handle
        + path(body, ink.base)
        + path(body, ink.fill)
        + ellipse(183, 150, 83, 13, ink.dark)
        + ellipse(183, 152, 71, 8, "#6b4630")
        + gleam("M112 176 H130 V300 Q116 296 112 280Z")
    )


def teacup(ink: Ink) -> str:
    """A teacup on a saucer."""
    saucer = (
        ellipse(200, 306, 142, 24, ink.dark)
        + ellipse(200, 300, 142, 24, ink.light)
        + ellipse(200, 300, 96, 14, ink.base, 'opacity="0.45"')
    )
    cup = "M104 170 H284 C284 250 252 300 194 300 C136 300 104 250 104 170Z"
    handle = line("M280 190 C342 172 336 254 262 256", ink.accent, 12)
    return (
        saucer
        + handle
        + path(cup, ink.base)
        + path(cup, ink.fill)
        + ellipse(194, 170, 90, 16, ink.light)
        + ellipse(194, 173, 78, 11, "#9a6233")
        + gleam("M118 194 Q122 250 150 280 Q134 236 134 196Z")
    )


def teapot(ink: Ink) -> str:
    """A round teapot."""
    spout = path("M116 258 C70 250 74 200 44 176 L64 164 C98 184 100 214 128 216Z", ink.dark)
    handle = line("M282 208 C350 186 352 296 276 290", ink.dark, 15)
    body = ellipse(200, 250, 98, 80, ink.base) + ellipse(200, 250, 98, 80, ink.fill)
    lid = path("M140 188 C146 150 254 150 260 188Z", ink.dark) + circle(200, 146, 14, ink.accent)
    return (
        shadow(width=92)
        + spout
        + handle
        + body
        + lid
        + gleam("M118 226 Q136 184 172 178 Q138 206 130 262 Q118 250 118 226Z")
    )


def jug(ink: Ink) -> str:
    """A jug with a lip."""
    body = "M138 110 L252 110 L270 90 L264 132 C256 176 292 208 288 262 C284 312 258 330 206 330 H196 C144 330 116 312 112 262 C108 208 146 176 138 110Z"
    handle = line("M140 140 C70 132 62 250 120 262", ink.dark, 14)
    return (
        shadow(width=90)
        + handle
        + path(body, ink.base)
        + path(body, ink.fill)
        + line("M138 110 H252 L270 90", ink.accent, 8)
        + gleam("M134 220 Q126 270 150 304 Q150 250 160 190 Q140 200 134 220Z")
    )


def bowl(ink: Ink) -> str:
    """A deep bowl."""
    body = "M66 190 H334 C334 274 284 322 244 322 V330 H156 V322 C116 322 66 274 66 190Z"
    return (
        shadow(width=96)
        + path(body, ink.base)
        + path(body, ink.fill)
        + ellipse(200, 190, 134, 28, ink.dark)
        + ellipse(200, 193, 118, 20, ink.light)
        + gleam("M84 226 Q96 276 140 306 Q112 260 108 226Z")
    )


def plate(ink: Ink) -> str:
    """A plate seen from above, cutlery beside it."""
    rim = (
        circle(200, 206, 128, ink.dark, 'opacity="0.2" transform="translate(4 8)"')
        + circle(200, 206, 128, ink.base)
        + circle(200, 206, 128, ink.fill)
    )
    return (
        rim
        + circle(200, 206, 88, ink.light)
        + circle(200, 206, 88, "none", f'stroke="{ink.accent}" stroke-width="5"')
        + circle(200, 206, 64, ink.base, 'opacity="0.12"')
    )


def cake_stand(ink: Ink) -> str:
    """Two plates on a stem, with small cakes."""
    stem = line("M200 96 V318", ink.accent, 8) + circle(200, 90, 11, ink.accent)
    plates = (
        ellipse(200, 272, 128, 20, ink.dark)
        + ellipse(200, 266, 128, 20, ink.fill)
        + ellipse(200, 186, 90, 15, ink.dark)
        + ellipse(200, 181, 90, 15, ink.fill)
    )
    backs = ellipse(200, 266, 128, 20, ink.base) + ellipse(200, 181, 90, 15, ink.base)
    cakes = "".join(
        _cake(x, y, ink) for x, y in ((118, 262), (164, 268), (240, 268), (286, 260), (150, 176), (248, 176))
    )
    return shadow(width=70) + stem + ellipse(200, 322, 62, 11, ink.dark) + backs + plates + cakes


def cake_cases(ink: Ink) -> str:
    """A cupcake in a paper case, more cases behind."""
    back = group(_case(ink), "translate(-62 6) scale(.92)") + group(_case(ink), "translate(94 6) scale(.92)")
    icing = path(
        "M118 214 C96 176 140 148 156 160 C160 112 240 112 244 160 C262 148 304 178 282 214 Q200 238 118 214Z",
        "#f5d4a4",
    )
    swirl = line("M132 196 q34 20 68 0 t68 0 M158 164 q42 18 84 0", "#e2b377", 6)
    sprinkles = "".join(
        line(f"M{x} {y} l{dx} {dy}", c, 5)
        for x, y, dx, dy, c in (
            (150, 182, 8, 4, ink.base),
            (186, 148, 8, -4, ink.accent),
            (222, 184, 6, 6, ink.base),
            (250, 178, 8, -2, ink.accent),
            (176, 204, 7, 4, ink.accent),
            (232, 150, 5, 6, ink.dark),
        )
    )
    return shadow(width=132) + back + _case(ink) + icing + swirl + sprinkles + circle(200, 122, 15, "#c4483d")


def cutlery(ink: Ink) -> str:
    """Knife, fork and spoon with patterned handles."""
    metal = "#aab2b6"
    fork = line("M104 84 V150 M124 84 V160 M144 84 V150 M104 146 Q124 176 144 146 M124 164 V200", metal, 9)
    knife = path("M190 206 V92 Q190 74 204 82 Q222 112 218 206Z", metal)
    spoon = (
        ellipse(284, 116, 28, 40, metal)
        + rect(277, 150, 14, 54, metal)
        + gleam("M268 108 Q272 88 284 86 Q274 104 276 130Z")
    )
    holds = "".join(rect(x, 196, 32, 134, fill, 15) for x in (108, 188, 268) for fill in (ink.base, ink.fill))
    return fork + knife + spoon + holds


def jar(ink: Ink) -> str:
    """A storage jar with a cloth lid."""
    glass = (
        rect(112, 154, 176, 176, "#d9e6e6", 26)
        + rect(122, 206, 156, 114, ink.base, 18)
        + rect(122, 206, 156, 114, ink.fill, 18)
    )
    lid = path(
        "M104 156 Q102 104 140 100 H260 Q298 104 296 156 Q280 170 262 158 Q242 172 222 158 Q200 172 178 158 Q158 172 138 158 Q120 170 104 156Z",
        ink.dark,
    )
    label = rect(152, 232, 96, 54, "#fffaf0", 6) + line("M168 252 H232 M178 268 H222", ink.dark, 4)
    return (
        shadow(width=92)
        + glass
        + lid
        + rect(124, 142, 152, 9, ink.accent, 4)
        + label
        + gleam("M124 176 H140 V310 Q126 306 124 294Z")
    )


def tin(ink: Ink) -> str:
    """A round tin with its lid."""
    body = path("M92 176 V304 C92 338 308 338 308 304 V176Z", ink.base) + path(
        "M92 176 V304 C92 338 308 338 308 304 V176Z", ink.fill
    )
    lid = (
        path("M84 146 V178 C84 208 316 208 316 178 V146Z", ink.dark)
        + ellipse(200, 146, 116, 28, ink.base)
        + ellipse(200, 146, 116, 28, ink.fill)
    )
    return (
        shadow(width=118)
        + body
        + lid
        + ellipse(200, 146, 20, 6, ink.accent)
        + gleam("M100 206 V304 Q104 316 122 320 V212Z")
    )


def glass_bottle(ink: Ink) -> str:
    """A tall bottle with a label."""
    body = "M172 92 H228 V150 C228 172 266 182 266 220 V306 Q266 330 242 330 H158 Q134 330 134 306 V220 C134 182 172 172 172 150Z"
    label = (
        rect(134, 222, 132, 72, ink.light)
        + rect(134, 222, 132, 72, ink.fill, 0, 'opacity="0.5"')
        + rect(158, 238, 84, 40, "#fffaf0", 5)
        + line("M174 252 H226 M182 266 H218", ink.dark, 4)
    )
    return (
        shadow(width=78)
        + path(body, ink.base)
        + label
        + rect(164, 74, 72, 24, ink.accent, 8)
        + gleam("M148 214 Q150 196 166 188 L160 316 Q148 312 148 300Z")
    )


def scales(ink: Ink) -> str:
    """Kitchen scales with a round dial."""
    pan = path("M92 116 H308 Q300 160 250 164 H150 Q100 160 92 116Z", ink.light) + rect(84, 108, 232, 14, ink.accent, 7)
    body = "M138 164 H262 Q276 236 300 310 Q304 330 284 330 H116 Q96 330 100 310 Q124 236 138 164Z"
    dial = circle(200, 248, 58, "#fffaf0") + "".join(
        line("M200 198 V208", ink.dark, 4, f'transform="rotate({a} 200 248)"') for a in range(0, 360, 30)
    )
    return (
        shadow(width=112)
        + pan
        + path(body, ink.base)
        + path(body, ink.fill)
        + dial
        + line("M200 248 L224 214", "#c4483d", 5)
        + circle(200, 248, 7, ink.dark)
    )


def moulds(ink: Ink) -> str:
    """Cookie cutters: a heart, a star and a round, as bands of metal."""
    band = f'fill="none" stroke="{ink.dark}" stroke-width="13" stroke-linejoin="round"'
    heart = f'<path d="M150 258 C66 204 96 120 150 158 C204 120 234 204 150 258Z" {band}/>'
    ring = f'<circle cx="276" cy="148" r="54" {band}/>'
    star = f'<path d="M268 222 l17 36 39 5 -28 28 7 39 -35 -18 -35 18 7 -39 -28 -28 39 -5Z" {band}/>'
    inner = circle(276, 148, 47, ink.fill) + path(
        "M150 250 C76 200 104 128 150 166 C196 128 224 200 150 250Z", ink.fill
    )
    return (
        circle(276, 148, 47, ink.base)
        + path("M150 250 C76 200 104 128 150 166 C196 128 224 200 150 250Z", ink.base)
        + inner
        + heart
        + ring
        + star
    )


def towel(ink: Ink) -> str:
    """Folded cloths: napkins, tissues and tea towels."""
    low = (
        rect(84, 262, 232, 56, ink.dark, 14)
        + rect(92, 214, 216, 56, ink.light, 14)
        + rect(92, 228, 216, 10, ink.accent)
    )
    top = rect(84, 128, 232, 94, ink.base, 14) + rect(84, 128, 232, 94, ink.fill, 14)
    return (
        shadow(width=122)
        + low
        + top
        + shade("M84 200 H316 V208 Q316 222 302 222 H98 Q84 222 84 208Z")
        + gleam("M98 138 H190 L150 152 H92Z")
    )


def _cake(x: float, y: float, ink: Ink) -> str:
    return (
        path(f"M{x - 17} {y - 12} H{x + 17} L{x + 12} {y + 6} H{x - 12}Z", ink.accent)
        + path(f"M{x - 20} {y - 12} Q{x} {y - 48} {x + 20} {y - 12}Z", ink.light)
        + circle(x, y - 32, 5, "#c4483d")
    )


def _case(ink: Ink) -> str:
    cup = "M122 212 H278 L258 320 Q256 330 246 330 H154 Q144 330 142 320Z"
    pleats = "".join(
        line(f"M{140 + n * 20} 222 L{150 + n * 16.5} 322", ink.dark, 2.4, 'opacity="0.4"') for n in range(7)
    )
    return path(cup, ink.base) + path(cup, ink.fill) + pleats
