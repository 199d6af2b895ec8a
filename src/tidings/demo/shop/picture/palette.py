"""Colours: named in the product's name, else chosen by a hash of its id."""

from __future__ import annotations

from tidings.demo.shop.picture.draw import Ink
from tidings.ids import digest

_HUES = {
    # name: ground, base, dark, light, accent
    "red": ("#f6e3da", "#c4483d", "#98302b", "#fbeee4", "#e3a845"),
    "pink": ("#f9e7e6", "#dd8796", "#b75f73", "#fdf0ee", "#7fa38c"),
    "blue": ("#e2ebf0", "#54809f", "#375c7b", "#f2f6f6", "#e0a24c"),
    "sky": ("#e6eff1", "#7fabc4", "#55849f", "#f6fafa", "#e08a72"),
    "green": ("#e8efe4", "#6d9870", "#4a7150", "#f4f7ec", "#e3b04b"),
    "teal": ("#e0edea", "#4f9a92", "#34716d", "#f0f8f4", "#e59a63"),
    "yellow": ("#f9f0da", "#e0aa46", "#b57f27", "#fff8e5", "#c4583f"),
    "orange": ("#f8e9dc", "#d97f45", "#ab5a2b", "#fdf3e8", "#4f7f86"),
    "purple": ("#ece5ef", "#8d719f", "#67507a", "#f6f1f8", "#dca15b"),
    "cream": ("#d9e2da", "#f0e4cd", "#cdb98f", "#fffaf0", "#b9694b"),
    "white": ("#d5dfe4", "#f7f3ea", "#c5c3b8", "#ffffff", "#cf6a5b"),
    "silver": ("#e6e4df", "#b3bbbf", "#818b91", "#eef1f1", "#c9a65a"),
    "black": ("#eae4d8", "#444a50", "#2b3035", "#e9e4da", "#d98a4a"),
    "wood": ("#f2e9dd", "#c99c6d", "#9a714a", "#f5e7d2", "#6d9276"),
    "brown": ("#f1e6dc", "#7d543d", "#583828", "#ecd9c6", "#dfa95c"),
}
_WORDS = {
    "red": "red retrospot strawberry cherry poppy toadstool christmas circus",
    "pink": "pink fuschia rose roses princess fairy bunny sweetheart babushka dolly ballerina baby",
    "blue": "blue navy spaceboy london jack airmail knitted denim",
    "sky": "sky seaside bathroom baths airline jet",
    "green": "green woodland leaf herb garden apples apple mint pears thyme parsley basil rosemary dinosaur ivy",
    "teal": "turquoise aqua teal",
    "yellow": "yellow gold golden lemon sunflower honey citronella",
    "orange": "orange copper amber gingerbread",
    "purple": "purple lilac lavender violet",
    "cream": "cream ivory natural pantry wicker doily lace",
    "white": "white marble dove ceramic clear lovebird",
    "silver": "silver zinc metal grey aluminium tin diamante glass",
    "black": "black slate skull skulls chalkboard noir",
    "wood": "wood wooden teak hessian jute rustic crate",
    "brown": "brown chocolate chocolates coffee bakelite",
}
_OF_WORD = {word: hue for hue, words in _WORDS.items() for word in words.split()}
_FREE = ("red", "blue", "green", "teal", "yellow", "orange", "purple", "pink", "sky")


def ink(item_id: str, words: list[str]) -> Ink:
    """The colours for a product: the last colour that its name says (the first is often the pattern's)."""
    # Colour words proper come before materials and motifs, which only suggest a colour.
    named = [word for word in words if word in _HUES or word in ("ivory", "turquoise", "grey", "gold", "lilac")]
    hinted = named or [word for word in words if word in _OF_WORD]
    hue = _OF_WORD.get(hinted[0], hinted[0]) if hinted else _FREE[digest("hue", item_id)[0] % len(_FREE)]
    ground, base, dark, light, accent = _HUES[hue]
    return Ink(ground, base, dark, light, accent, "url(#p)")
