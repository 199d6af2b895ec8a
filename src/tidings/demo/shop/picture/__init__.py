"""A picture for each product: an SVG drawn from the words of its name, always the same for the same product.

`choose` finds shape, colours and pattern in the name; `shapes_*` draw; `svg` puts the picture together. Pure.
"""

from tidings.demo.shop.picture.compose import svg

__all__ = ["svg"]
