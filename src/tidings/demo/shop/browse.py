"""Pages for looking around: home, category, search, product, and the products' pictures."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidings.demo.shop import category, events
from tidings.demo.shop.catalogue import Item
from tidings.demo.shop.picture import svg
from tidings.demo.shop.shopfront import base_url, of

PAGE_ITEMS = 24
"""Products on one page of a list."""
MAX_QUERY_CHARS = 80
"""Longest search."""
IMAGE_AGE_S = 3_600
"""How long a picture may be kept by browsers."""


async def home(request: Request) -> Response:
    """Hero, best sellers, categories."""
    front = of(request)
    best = front.catalogue.items
    return front.page(
        request,
        "home.html",
        front.session(request),
        title="Home",
        events=[],
        best=best[:12],
        hero=_hero(best),
        later=best[12:20],
    )


def _hero(items: list[Item]) -> list[Item]:
    """Three popular things from different shelves, for the top of the page."""
    chosen: dict[str, Item] = {}
    for item in items:
        chosen.setdefault(item.category, item)
    return list(chosen.values())[:3]


async def category_page(request: Request) -> Response:
    """One shelf."""
    front = of(request)
    slug = request.path_params["slug"]
    items = front.catalogue.by_category.get(slug)
    if items is None:
        raise HTTPException(404)
    viewed = ["track", "Product List Viewed", {"list_id": slug, "category": category.TITLES[slug]}]
    return front.page(
        request,
        "list.html",
        front.session(request),
        title=category.TITLES[slug],
        events=[viewed],
        **_paged(request, items),
    )


async def search(request: Request) -> Response:
    """Products whose names have the words."""
    front = of(request)
    query = request.query_params.get("q", "").strip()[:MAX_QUERY_CHARS]
    found = front.catalogue.search(query)
    searched = [["track", "Products Searched", {"query": query, "results": len(found)}]] if query else []
    return front.page(
        request,
        "list.html",
        front.session(request),
        title="Search",
        events=searched,
        query=query,
        **_paged(request, found),
    )


async def product(request: Request) -> Response:
    """One product."""
    front = of(request)
    item = _item(request)
    viewed = ["track", "Product Viewed", events.product(item, base_url(request), 1)]
    return front.page(
        request,
        "product.html",
        front.session(request),
        title=item.title,
        events=[viewed],
        item=item,
        similar=front.catalogue.similar(item, 4),
        shelf=category.TITLES[item.category],
    )


async def image(request: Request) -> Response:
    """A product's picture."""
    item = _item(request)
    headers = {
        "Cache-Control": f"public, max-age={IMAGE_AGE_S}",
        "Cross-Origin-Resource-Policy": "cross-origin",  # mails show it
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(svg(item.item_id, item.name), media_type="image/svg+xml", headers=headers)


def _item(request: Request) -> Item:
    item = of(request).catalogue.get(request.path_params["item_id"])
    if item is None:
        raise HTTPException(404)
    return item


def _paged(request: Request, items: list[Item]) -> dict[str, Any]:
    pages = max(1, -(-len(items) // PAGE_ITEMS))
    asked = request.query_params.get("page", "1")
    number = min(pages, max(1, int(asked))) if asked.isascii() and asked.isdigit() and len(asked) < 5 else 1
    start = (number - 1) * PAGE_ITEMS
    return {"items": items[start : start + PAGE_ITEMS], "found": len(items), "number": number, "pages": pages}
