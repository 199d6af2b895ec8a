"""The mail that rendering and sending are measured with: 41 kB of HTML, six products, five conditions, eight tracked links."""

from __future__ import annotations

from tidings.domain.message import SendIntent
from tidings.feedback.tokens import Tokens
from tidings.ids import digest
from tidings.recommend.base import Recommendation
from tidings.render.mail import Sender

TOKENS = Tokens(bytes(32))
SENDER = Sender(
    from_name="Little Shop",
    from_address="hello@shop.example",
    public_url="https://t.shop.example",
    shop_url="https://shop.example",
    postal_address="1 Example Street, Example Town",
    bounce_domain="bounce.shop.example",
)
PRODUCT = """
<mj-section background-color="#ffffff" padding="16px 24px"><mj-column width="40%"><mj-image
 src="{{ item.image }}" alt="{{ item.name }}" href="{{ item.url }}" border-radius="6px" /></mj-column><mj-column width="60%">
<mj-text font-size="18px" color="#222222" line-height="1.5"><strong>{{ item.name }}</strong></mj-text>
<mj-text font-size="14px" color="#555555">{{ item.quantity }} szt. po {{ item.price | money }}
{% if item.quantity > 1 %}, razem {{ item.price | times: item.quantity | money }}{% endif %}</mj-text>
<mj-text font-size="13px" color="#777777">Ręcznie robione w małej pracowni, każda sztuka inna. Wysyłamy w dwa dni robocze, zwrot do
trzydziestu dni bez podania przyczyny. Pasuje do tego, co już masz w koszyku.</mj-text>
<mj-button href="{{ item.url }}" background-color="#eeeeee" color="#222222" align="left">Zobacz</mj-button></mj-column></mj-section>
<mj-section background-color="#ffffff" padding="0 24px 16px"><mj-column><mj-text font-size="12px" color="#999999">Materiał: kamionka</mj-text></mj-column></mj-section>
"""
SOURCE = (
    """---
subject: "{{ person.first_name }}, Twój koszyk czeka"
preheader: "Zostawiliśmy dla Ciebie {{ cart | size }} rzeczy"
from_name: ""
---
<mjml><mj-body background-color="#f4f4f4"><mj-section><mj-column><mj-text font-size="22px">Cześć {{ person.first_name }}!</mj-text>
<mj-text>{% if person.orders > 2 %}Dziękujemy, że wracasz: to już {{ person.orders }} zamówień.{% elsif person.orders == 1 %}Miło Cię
znów widzieć.{% else %}Witaj u nas!{% endif %}</mj-text></mj-column></mj-section>
{% for item in cart %}"""
    + PRODUCT
    + """{% endfor %}
<mj-section><mj-column><mj-button href="{{ shop.cart_url }}" background-color="#0a6847">Do koszyka</mj-button>
{% if person.vip %}<mj-text>Dla stałych klientów: dostawa gratis.</mj-text>{% endif %}
{% unless person.vip %}<mj-text>Dostawa od 9,90 zł.</mj-text>{% endunless %}
<mj-text font-size="12px">{{ shop.name }}, {{ shop.postal_address }}<br/><a href="https://shop.example/help">Pomoc</a>
 <a href="{{ unsubscribe_url }}">Wypisz się</a></mj-text></mj-column></mj-section></mj-body></mjml>"""
)


def decision(number: int) -> SendIntent:
    """A person with a name and six things in the cart, unlike every other."""
    cart = [
        {
            "item_id": f"{number}-{k}",
            "name": f"Kubek Żółty nr {number + k}",
            "price": 2.5 + k,
            "quantity": 1 + (number + k) % 3,
            "url": f"https://shop.example/product/{number + k}?from=cart&n={k}",
            "image": f"https://shop.example/image/{number + k}.png",
        }
        for k in range(6)
    ]
    return SendIntent(
        message_id=digest("benchmark", str(number), size=16).hex(),
        profile_id=f"p{number}",
        address=f"person{number}@x.example",
        journey="abandoned_cart",
        journey_version="1",
        run_id="r",
        step="send",
        template="product",
        category="marketing",
        mode="at_most_once",
        occurred_us=0,
        decided_us=1_764_000_000_000_000 + number,
        values={
            "person": {"first_name": f"Zoë{number}", "orders": number % 4, "vip": number % 5 == 0},
            "cart": cart,
            "event": {},
        },
    )


ITEMS: list[Recommendation] = []
"""What the slots hold: the products stand in the cart."""
