"""Cart, sign-in and checkout: the forms that change the visitor's session, and their pages."""

from __future__ import annotations

import re
import secrets
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidings.demo.shop import events
from tidings.demo.shop.session import MAX_QUANTITY, MAX_TEXT_CHARS, Person, Session
from tidings.demo.shop.shopfront import base_url, of

_EMAIL = re.compile(r"[^\s@<>\"',;:\\()\[\]]{1,64}@[^\s@<>\"',;:\\()\[\]]{1,180}\.[^\s@<>\"',;:\\()\[\]]{2,24}")


async def cart(request: Request) -> Response:
    """The cart; also where mail links lead back to."""
    front = of(request)
    visit = front.session(request)
    viewed = ["track", "Cart Viewed", events.basket(visit.cart, front.catalogue, base_url(request))]
    return front.page(request, "cart.html", visit, title="Your basket", events=[viewed], **_sums(request, visit))


async def add(request: Request) -> Response:
    """Put something into the cart; then the page says so, or the browser's script does."""
    form = await _form(request)
    visit = of(request).session(request)
    item = of(request).catalogue.get(_text(form, "item_id"))
    added = visit.add(item.item_id, _quantity(form)) if item else 0
    if item and added:
        visit.tell("added", item.item_id, added)
    return _answer(request, visit, f"{item.title} is in your basket." if item and added else "Your basket is full.")


async def remove(request: Request) -> Response:
    """Take something out of the cart."""
    form = await _form(request)
    visit = of(request).session(request)
    item_id = _text(form, "item_id")
    taken = visit.take(item_id, _quantity(form))
    if taken:
        visit.tell("removed", item_id, taken)
    return of(request).goto("/cart", visit, request)


async def sign_in_page(request: Request) -> Response:
    """The sign-in form."""
    return _sign_in_form(request, "", status_code=200)


async def sign_in(request: Request) -> Response:
    """Remember who it is, and the consent if the box was ticked."""
    form = await _form(request)
    visit = of(request).session(request)
    problem = _sign_in(form, visit, "form")
    if problem:
        return _sign_in_form(request, problem, status_code=422)
    return of(request).goto("/cart" if visit.cart else "/", visit, request)


async def sign_out(request: Request) -> Response:
    """Forget who it is; the cart stays."""
    visit = of(request).session(request)
    visit.person = None
    visit.tell("reset")
    return of(request).goto("/", visit, request)


async def checkout_page(request: Request) -> Response:
    """The one step of checking out."""
    front = of(request)
    visit = front.session(request)
    if not visit.cart:
        return front.goto("/cart", visit, request)
    started = ["track", "Checkout Started", events.basket(visit.cart, front.catalogue, base_url(request))]
    return _checkout_form(request, visit, "", [started], 200)


async def checkout(request: Request) -> Response:
    """Place the order: nothing is charged, one event is sent."""
    form = await _form(request)
    front = of(request)
    visit = front.session(request)
    if not visit.cart:
        return front.goto("/cart", visit, request)
    problem = "" if visit.person else _sign_in(form, visit, "checkout")
    if problem:
        return _checkout_form(request, visit, problem, [], 422)
    visit.order, visit.cart, visit.order_id = visit.cart, {}, f"M-{secrets.randbelow(900_000) + 100_000}"
    visit.tell("ordered")
    return front.goto("/thank-you", visit, request)


async def thank_you(request: Request) -> Response:
    """The order just placed."""
    front = of(request)
    visit = front.session(request)
    lines = events.lines(visit.order, front.catalogue)
    total = events.total(visit.order, front.catalogue)
    return front.page(request, "thank_you.html", visit, title="Thank you", events=[], lines=lines, total=total)


def _sums(request: Request, visit: Session) -> dict[str, Any]:
    catalogue = of(request).catalogue
    return {"lines": events.lines(visit.cart, catalogue), "total": events.total(visit.cart, catalogue)}


def _answer(request: Request, visit: Session, said: str) -> Response:
    """To the script: what to say and which calls to make. Without script: back to the page it came from."""
    front = of(request)
    if request.headers.get("accept") != "application/json":
        return front.goto("/cart", visit, request)
    calls = front.calls(visit, request)
    return front.remember(JSONResponse({"count": visit.count, "said": said, "calls": calls}), visit, request)


def _sign_in(form: FormData, visit: Session, how: str) -> str:
    """Take name and e-mail from a form; what is wrong with them, or nothing."""
    first_name, email = _text(form, "first_name"), _text(form, "email").lower()
    if not first_name or re.search(r"[\x00-\x1f\x7f]", first_name):
        return "Please tell us your first name."
    if not _EMAIL.fullmatch(email):
        return "That does not look like an e-mail address; it should be like anna@example.com."
    visit.person = Person(first_name, email)
    visit.tell("identify")
    visit.tell("signed_in", how)
    if form.get("marketing") == "yes":
        visit.tell("consent")
    return ""


def _sign_in_form(request: Request, problem: str, status_code: int) -> Response:
    front = of(request)
    return front.page(
        request,
        "sign_in.html",
        front.session(request),
        title="Sign in",
        events=[],
        status_code=status_code,
        problem=problem,
        wording=events.WORDING,
    )


def _checkout_form(
    request: Request, visit: Session, problem: str, calls: list[events.Call], status_code: int
) -> Response:
    return of(request).page(
        request,
        "checkout.html",
        visit,
        title="Checkout",
        events=calls,
        status_code=status_code,
        problem=problem,
        wording=events.WORDING,
        **_sums(request, visit),
    )


async def _form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=12)


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip()[:MAX_TEXT_CHARS] if isinstance(value, str) else ""


def _quantity(form: FormData) -> int:
    text = _text(form, "quantity") or "1"
    return min(int(text), MAX_QUANTITY) if text.isascii() and text.isdigit() and len(text) < 4 else 1
