"""What visitors can do in the shop, and what its pages tell Tidings about it."""

from __future__ import annotations

from tests.unit.demo_shop.shop import ANNA, CATALOGUE, calls, tracked, visitor
from tidings.demo.shop import events, session
from tidings.demo.shop.catalogue import Item
from tidings.demo.shop.session import Person, Session

BASE = "http://127.0.0.1:8301"


def test_a_product_page_tells_what_was_looked_at() -> None:
    viewed = tracked(visitor().get("/product/85123A"))["Product Viewed"]

    assert viewed["product_id"] == "85123A"
    assert viewed["name"] == "White Hanging Heart T-Light Holder"
    assert viewed["price"] == 2.95
    assert viewed["url"] == f"{BASE}/product/85123A"
    assert viewed["image_url"] == f"{BASE}/image/85123A.svg"


def test_adding_without_script_leads_to_the_cart_and_tells_it_once() -> None:
    anna = visitor()

    cart = anna.post("/cart/add", {"item_id": "22423", "quantity": "2"})

    assert tracked(cart)["Product Added"] == events.product(_item("22423"), BASE, 2)
    assert tracked(cart)["Cart Viewed"]["value"] == 25.50
    assert "Product Added" not in tracked(anna.get("/cart"))


def test_adding_with_script_answers_with_the_calls_and_does_not_repeat_them_on_the_next_page() -> None:
    anna = visitor()

    answer = anna.post("/cart/add", {"item_id": "22423"}, accept="application/json").json()

    assert answer["count"] == 1
    assert answer["calls"] == [["track", "Product Added", events.product(_item("22423"), BASE, 1)]]
    assert "Product Added" not in tracked(anna.get("/cart"))


def test_removing_tells_how_many_went() -> None:
    anna = visitor()
    anna.post("/cart/add", {"item_id": "22423", "quantity": "3"})

    cart = anna.post("/cart/remove", {"item_id": "22423", "quantity": "9"})

    assert tracked(cart)["Product Removed"]["quantity"] == 3
    assert "Your basket is empty" in cart.text


def test_signing_in_identifies_by_lower_case_mail_address() -> None:
    page = visitor().post("/sign-in", ANNA)

    assert calls(page)[0] == ["identify", "demo-anna@example.com", {"first_name": "Anna", "email": "anna@example.com"}]
    assert "Signed In" in tracked(page)


def test_consent_is_given_only_when_the_box_is_ticked() -> None:
    assert '<input type="checkbox" name="marketing" value="yes">' in visitor().get("/sign-in").text
    assert not [call for call in calls(visitor().post("/sign-in", ANNA)) if call[0] == "consent"]

    ticked = calls(visitor().post("/sign-in", {**ANNA, "marketing": "yes"}))

    assert ["consent", "marketing", True, events.WORDING] in ticked


def test_an_order_is_completed_once_and_empties_the_cart() -> None:
    anna = visitor()
    anna.post("/sign-in", ANNA)
    anna.post("/cart/add", {"item_id": "22423", "quantity": "2"})
    anna.post("/cart/add", {"item_id": "85123A"})
    assert tracked(anna.get("/checkout"))["Checkout Started"]["value"] == 28.45

    thanks = anna.post("/checkout")

    order = tracked(thanks)["Order Completed"]
    assert order["revenue"] == 28.45
    assert order["currency"] == "GBP"
    assert order["order_id"] in thanks.text
    assert [(line["product_id"], line["quantity"]) for line in order["products"]] == [("22423", 2), ("85123A", 1)]
    assert "Order Completed" not in tracked(anna.get("/thank-you"))
    assert "Your basket is empty" in anna.get("/cart").text


def test_a_guest_can_check_out_and_is_identified_before_the_order() -> None:
    guest = visitor()
    guest.post("/cart/add", {"item_id": "47566"})

    made = [call[:2] for call in calls(guest.post("/checkout", ANNA))]

    assert made.index(["identify", "demo-anna@example.com"]) < made.index(["track", "Order Completed"])


def test_a_bad_address_is_refused_with_a_reason_and_no_call() -> None:
    page = visitor().post("/sign-in", {"first_name": "Anna", "email": "anna at example"})

    assert page.status == 422
    assert "does not look like an e-mail address" in page.text
    assert [call[0] for call in calls(page)] == ["page"]


def test_signing_out_resets_the_tracker_and_keeps_the_cart() -> None:
    anna = visitor()
    anna.post("/sign-in", ANNA)
    anna.post("/cart/add", {"item_id": "47566"})

    home = anna.post("/sign-out")

    assert calls(home)[0] == ["reset"]
    assert "Sign in" in home.text
    assert "Party Bunting" in anna.get("/cart").text


def test_searching_finds_by_the_beginnings_of_words_and_tells_the_query() -> None:
    page = visitor().get("/search?q=red+bag")

    assert tracked(page)["Products Searched"] == {"query": "red bag", "results": 2}
    assert "Lunch Bag Red Retrospot" in page.text
    assert "Party Bunting" not in page.text


def test_the_cart_is_bounded_and_says_so() -> None:
    anna = visitor()
    anna.post("/cart/add", {"item_id": "47566", "quantity": "98"})

    answer = anna.post("/cart/add", {"item_id": "47566", "quantity": "9"}, accept="application/json").json()
    full = anna.post("/cart/add", {"item_id": "47566"}, accept="application/json").json()

    assert answer["count"] == session.MAX_QUANTITY
    assert answer["calls"][0][2]["quantity"] == 1
    assert full == {"count": 99, "said": "Your basket is full.", "calls": []}


def test_the_fullest_session_fits_into_the_cookie_and_keeps_its_news() -> None:
    cart = {f"ITEM-{n:015}": 99 for n in range(session.MAX_LINES)}
    visit = Session(
        cart=cart, order=cart, order_id="M-123456", person=Person("\u00fc" * 120, "a" * 108 + "@example.com")
    )
    for call in (["identify"], ["signed_in", "checkout"], ["consent"], ["ordered"]):
        visit.tell(*call)

    value = session.write(visit, b"key")

    assert len(value) <= session.MAX_COOKIE_CHARS
    assert session.read(value, b"key") == visit


def test_a_forged_cookie_is_an_empty_session() -> None:
    value = session.write(Session(cart={"22423": 1}), b"key")

    assert session.read(value, b"key").cart == {"22423": 1}
    assert session.read(value, b"other").cart == {}
    assert session.read("e30." + value.partition(".")[2], b"key").cart == {}
    assert session.read("", b"key").cart == {}


def test_names_from_forms_and_addresses_from_the_bar_are_text_not_markup() -> None:
    anna = visitor()
    payload = "<img src=x onerror=alert(1)>"

    page = anna.post("/sign-in", {"first_name": payload, "email": "a@example.com"})

    assert payload not in page.text
    assert payload in page.said
    assert payload not in anna.get(f"/search?q={payload}").text
    assert anna.get("/product/<script>").status == 404


def test_every_answer_carries_the_policy_and_only_own_forms_are_taken() -> None:
    anna = visitor()
    for path in ("/", "/product/22423", "/image/22423.svg", "/nothing", "/static/shop.css", "/thank-you"):
        answer = anna.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff", path

    assert anna.post("/cart/add", {"item_id": "22423"}, origin="http://evil.example").status == 403
    assert anna.post("/cart/add", {"item_id": "22423"}, origin="").status == 403
    assert anna.get("/", host="rebound.example").status == 421
    assert anna.get("/cart/add").status == 405


def _item(item_id: str) -> Item:
    item = CATALOGUE.get(item_id)
    assert item is not None
    return item
