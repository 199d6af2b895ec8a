"""Surface patterns: one tile of SVG for each, found by words of the product's name."""

from __future__ import annotations

from collections.abc import Callable

from tidings.demo.shop.picture.draw import Ink, circle, ellipse, group, heart, line, path, rect, star

Tile = tuple[float, str]
"""Side of the square tile and what is drawn on it."""


def dots(ink: Ink) -> Tile:
    """Retrospot and polka dots."""
    spots = "".join(circle(x, y, 8.5, ink.light) for x, y in ((12, 12), (36, 36)))
    return 48, spots


def pin(ink: Ink) -> Tile:
    """Fine points, for things that name no pattern."""
    return 30, "".join(circle(x, y, 2.6, ink.light, 'opacity="0.75"') for x, y in ((7.5, 7.5), (22.5, 22.5)))


def plain(_ink: Ink) -> Tile:
    """Nothing on it."""
    return 40, ""


def gingham(ink: Ink) -> Tile:
    """Woven checks."""
    half = 'opacity="0.55"'
    return 36, rect(0, 0, 18, 36, ink.light, 0, half) + rect(0, 0, 36, 18, ink.light, 0, half)


def stripes(ink: Ink) -> Tile:
    """Upright stripes."""
    return 36, rect(0, 0, 15, 36, ink.light, 0, 'opacity="0.85"')


def hearts(ink: Ink) -> Tile:
    """Small hearts."""
    return 52, heart(14, 14, 20, ink.light) + heart(40, 40, 20, ink.light)


def stars(ink: Ink) -> Tile:
    """Stars large and small."""
    return 64, star(18, 18, 12, ink.light) + star(48, 46, 8, ink.light) + circle(50, 12, 2.5, ink.light) + circle(
        14, 52, 2.5, ink.light
    )


def flowers(ink: Ink) -> Tile:
    """Five-petalled flowers with leaves."""
    return 68, _bloom(18, 20, 1.0, ink) + _bloom(52, 54, 0.75, ink) + _leaf(46, 16, 30, ink) + _leaf(14, 54, 120, ink)


def paisley(ink: Ink) -> Tile:
    """Curled drops."""
    drop = path("M0 -17 C15 -12 16 13 0 15 C-13 15 -14 -1 -3 -3 C3 -4 5 2 1 4 C9 3 9 -9 0 -17Z", ink.light) + circle(
        -2, 8, 3, ink.accent
    )
    return 62, group(drop, "translate(16 18) rotate(20)") + group(drop, "translate(46 48) rotate(200)")


def leaves(ink: Ink) -> Tile:
    """Sprigs of leaves."""
    return 58, "".join(_leaf(x, y, a, ink) for x, y, a in ((14, 14, 20), (42, 24, 140), (18, 46, 260), (48, 52, 60)))


def apples(ink: Ink) -> Tile:
    """Orchard fruit."""
    fruit = (
        circle(-4, 0, 8, ink.light)
        + circle(4, 0, 8, ink.light)
        + line("M0 -6 q1 -6 5 -8", ink.dark, 2.4)
        + path("M1 -9 q8 -6 11 0 q-6 5 -11 0Z", ink.accent)
    )
    return 60, group(fruit, "translate(16 20)") + group(fruit, "translate(46 50)")


def berries(ink: Ink) -> Tile:
    """Strawberries."""
    seeds = "".join(circle(x, y, 1.2, ink.base) for x, y in ((-4, 0), (4, 0), (0, 6)))
    fruit = (
        path("M-10 -6 Q0 -12 10 -6 Q10 8 0 14 Q-10 8 -10 -6Z", ink.light)
        + seeds
        + path("M-8 -8 L0 -4 L8 -8 L0 -12Z", ink.accent)
    )
    return 58, group(fruit, "translate(15 18) rotate(-8)") + group(fruit, "translate(44 46) rotate(10)")


def skulls(ink: Ink) -> Tile:
    """Friendly skulls."""
    bone = (
        circle(0, -2, 10, ink.light)
        + rect(-5.5, 4, 11, 8, ink.light, 2)
        + circle(-4, -2, 2.6, ink.dark)
        + circle(4, -2, 2.6, ink.dark)
    )
    return 58, group(bone, "translate(15 17)") + group(bone, "translate(44 46)")


def birds(ink: Ink) -> Tile:
    """Small birds."""
    bird = (
        path("M-13 -1 Q-4 -13 7 -5 L14 -7 L9 1 Q5 11 -6 8 Z", ink.light)
        + path("M-4 -1 Q2 -3 4 4 Q-3 6 -4 -1Z", ink.accent)
        + circle(5.5, -3, 1.4, ink.dark)
    )
    return 62, group(bird, "translate(18 18)") + group(bird, "translate(46 48) scale(-1 1)")


def mushrooms(ink: Ink) -> Tile:
    """Toadstools."""
    one = (
        rect(-4, 0, 8, 12, ink.light, 3)
        + path("M-13 2 Q0 -20 13 2Z", ink.accent)
        + circle(-4, -4, 2, ink.light)
        + circle(4, -2, 2, ink.light)
    )
    return 60, group(one, "translate(16 20)") + group(one, "translate(46 50) scale(.8)")


def letters(ink: Ink) -> Tile:
    """A few letters."""
    text = 'font-family="Georgia,serif" font-weight="700" text-anchor="middle"'
    spots = (("a", 14, 24, 26), ("B", 44, 22, 20), ("c", 46, 54, 28), ("D", 15, 54, 18))
    return 60, "".join(
        f'<text x="{x}" y="{y}" font-size="{s}" fill="{ink.light}" {text}>{t}</text>' for t, x, y, s in spots
    )


def lace(ink: Ink) -> Tile:
    """Doily lace."""
    ring = "".join(
        circle(x, y, 3.2, ink.light)
        for x, y in ((0, -13), (9.2, -9.2), (13, 0), (9.2, 9.2), (0, 13), (-9.2, 9.2), (-13, 0), (-9.2, -9.2))
    )
    one = ring + circle(0, 0, 7, "none", f'stroke="{ink.light}" stroke-width="2.6"') + circle(0, 0, 2, ink.light)
    return 44, group(one, "translate(22 22)")


def diamonds(ink: Ink) -> Tile:
    """Small lozenges, for what is called vintage."""
    one = path("M0 -9 L6 0 L0 9 L-6 0Z", ink.light)
    return 40, group(one, "translate(10 10)") + group(one, "translate(30 30)") + circle(
        30, 10, 2.2, ink.accent
    ) + circle(10, 30, 2.2, ink.accent)


def jack(_ink: Ink) -> Tile:
    """The Union flag, simplified, in softened colours."""
    blue, red, white = "#33567d", "#c14a41", "#f6efe2"
    cross = line("M0 0 L132 132 M132 0 L0 132", white, 24) + line("M0 0 L132 132 M132 0 L0 132", red, 8)
    upright = (
        rect(0, 44, 132, 44, white)
        + rect(44, 0, 44, 132, white)
        + rect(0, 54, 132, 24, red)
        + rect(54, 0, 24, 132, red)
    )
    return 132, rect(0, 0, 132, 132, blue) + cross + upright


def _bloom(x: float, y: float, scale: float, ink: Ink) -> str:
    petals = "".join(ellipse(0, -8, 5.6, 7.6, ink.light, f'transform="rotate({turn})"') for turn in range(0, 360, 72))
    return group(petals + circle(0, 0, 4.4, ink.accent), f"translate({x} {y}) scale({scale})")


def _leaf(x: float, y: float, turn: float, ink: Ink) -> str:
    leaf = path("M0 11 Q-9 0 0 -13 Q9 0 0 11Z", ink.light) + line("M0 11 L0 -6", ink.base, 1.4)
    return group(leaf, f"translate({x} {y}) rotate({turn})")


WORDS: tuple[tuple[Callable[[Ink], Tile], str], ...] = (
    (jack, "union jack flag london empire"),
    (dots, "retrospot retro spot spots spotty polkadot polkadots spotted"),
    (paisley, "paisley suki bohemian"),
    (gingham, "gingham check tartan picnic scottie scotty"),
    (skulls, "skull skulls"),
    (apples, "apple apples pears orchard"),
    (berries, "strawberry strawberries cherry cherries fruit"),
    (mushrooms, "toadstool mushroom"),
    (birds, "bird birds lovebird lovebirds owl owls swallows swallow dovecote feather"),
    (letters, "alphabet letter word words font calm text vintage-letters typeset"),
    (lace, "doily doilies lace filigree filigris trellis"),
    (stripes, "stripe stripes striped circus airline parade deckchair jet seaside cabana"),
    (leaves, "leaf leaves woodland pantry herb forest tropical botanical garden fern"),
    (stars, "star stars spaceboy astronaut night christmas cowboy rocket magic"),
    (hearts, "heart hearts love sweetheart sweethearts cupid valentine"),
    (
        flowers,
        "rose roses floral flower flowers daisy regency poppy blossom dolly babushka rosie bloom meadow lily girl charlotte fairy victorian english",
    ),
    (diamonds, "vintage antique edwardian french parisienne rustic traditional"),
)
"""Pattern and the words that ask for it; the first that fits wins."""
