"""Categories, told from the words of a product's name: the first that fits wins."""

from __future__ import annotations

import re
from functools import lru_cache

TITLES = {
    "kitchen": "Kitchen & tea",
    "bags": "Bags & lunch",
    "light": "Candle & lantern",
    "home": "Around the house",
    "party": "Party & baking",
    "paper": "Cards & paper",
    "play": "Children & play",
    "garden": "Garden & outdoors",
    "christmas": "Christmas",
    "gifts": "Little gifts",
}
"""Slug to title, in shelf order."""

_WORDS = {
    "christmas": "christmas advent reindeer santa snowflake nativity xmas bauble baubles rudolph cracker pannetone",
    "light": "t-light candle candles lantern lanterns night light lights candlestick incense lamp holder",
    "bags": "bag bags shopper lunch purse wallet tote backpack umbrella suitcase",
    "paper": "card cards wrap paper tags notebook notebooks pencil pencils pen pens sketchbook stationery calendar "
    "memo memoboard ribbons ribbon stickers tissues envelope journal list eraser tape stamp chalk chalkboard "
    "book recipe scrapbook magnets",
    "party": "bunting party birthday cake cakes cases cookie cutters baking napkins balloons doilies doily popcorn "
    "straws candy cakestand piping jelly moulds confetti cornets",
    "garden": "garden watering plant planter gardener parasol picnic kneeling pots flower bird feeder peg herb "
    "windmill sunflower hammock bucket wicker marker",
    "play": "doll game children's childrens kids puzzle skittles playhouse domino dominoes toy rope spaceboy feltcraft "
    "knitting circus school stencil craft building block blocks plasters sandcastle lip snap monsters dinosaur "
    "money bank baby quilt glider",
    "kitchen": "mug cup teacup tea teapot bowl jug plate kitchen pantry tin tins jar bottle cutlery egg toast bread "
    "spoon spoons coffee milk sugar placemats coaster coasters scales apron oven glove chopping cabinet opener "
    "jam container saucer butter dish measuring storage biscuit tray water glass glasses towels bin food box snack",
    "home": "sign clock frame doormat cushion drawer knob hook hooks heart hearts decoration hanger wall mirror "
    "cornice shelf doorstop door cover zinc photo trinket bathroom bath toilet soap sewing stand tidy fob key "
    "chest draw finish metal wooden ceramic ornament hanging wreath letter word rug coat hanging",
}
_FIND = {
    slug: re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, words.split()))})(?![a-z])")
    for slug, words in _WORDS.items()
}


@lru_cache(maxsize=4_096)
def of(name: str) -> str:
    """The slug of the category of a product with this name."""
    text = name.lower()
    return next((slug for slug, pattern in _FIND.items() if pattern.search(text)), "gifts")
