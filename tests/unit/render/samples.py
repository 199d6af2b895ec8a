"""Templates and decisions to render, for tests."""

from __future__ import annotations

from typing import Any

from tests.unit.deliver.messages import intent
from tidings.domain.message import SendIntent
from tidings.feedback.tokens import Tokens
from tidings.recommend.base import Recommendation
from tidings.render.mail import Rendered, Sender, render_message
from tidings.render.template import Template, compile_template

TOKENS = Tokens(bytes(32))
SENDER = Sender(
    from_name="Little Shop",
    from_address="hello@shop.example",
    public_url="https://t.shop.example",
    shop_url="https://shop.example",
    postal_address="1 Example Street",
)
CART = [
    {"item_id": "1", "name": "Mug <blue>", "price": 2.5, "quantity": 2, "url": "https://shop.example/p?a=1&b=2", "image": ""},
    {"item_id": "2", "name": "Lamp", "price": 10.0, "quantity": 1, "url": "https://shop.example/p/2", "image": "x.png"},
]  # fmt: skip


def body(inner: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>"


def template(inner: str, head: str = 'subject: "Hi"', name: str = "sample") -> Template:
    return compile_template(name, f"---\n{head}\n---\n{body(inner)}")


def whole(mjml: str, head: str = 'subject: "Hi"') -> Template:
    return compile_template("sample", f"---\n{head}\n---\n{mjml}")


def item(number: int, **changes: Any) -> Recommendation:
    fields: dict[str, Any] = {
        "item_id": f"i{number}",
        "name": f"Item {number}",
        "price": 1.5,
        "url": f"https://shop.example/i/{number}",
        "image": "",
        "reason": "popular: 9 orders",
        "score": 1.0,
    }
    return Recommendation(**{**fields, **changes})


def decision(values: dict[str, Any] | None = None, **changes: Any) -> SendIntent:
    found = {"person": {"first_name": "Ann"}, "cart": CART, "event": {}} if values is None else values
    return intent(1, values=found, **changes)


def render(made: Template, values: dict[str, Any] | None = None, items: list[Recommendation] | None = None,
           track: bool = True, **changes: Any) -> Rendered:  # fmt: skip
    return render_message(made, decision(values, **changes), items or [], tokens=TOKENS, sender=SENDER, track=track)
