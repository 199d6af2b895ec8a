"""The web guard: which requests get in, what every answer carries."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.unit.console.web import HOST, Visitor
from tidings.console import guard


async def _page(_request: Request) -> Response:
    return PlainTextResponse("in")


async def _own(_request: Request) -> Response:
    return PlainTextResponse("in", headers={"Content-Security-Policy": "sandbox"})


@pytest.fixture
def site() -> Visitor:
    routes = [Route("/", _page, methods=["GET", "POST"]), Route("/own", _own)]
    kept = Middleware(guard.Guard, csp=guard.policy(), hosts=guard.hosts_for("127.0.0.1"))
    return Visitor(Starlette(routes=routes, middleware=[kept]))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8301", "localhost:1", "[::1]:8301", "LOCALHOST"])
def test_this_machine_s_names_are_served(site: Visitor, host: str) -> None:
    assert site.get("/", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1@evil.example",
        "a b",
        "127.0.0.2",
        "localhost.",
    ],
)
def test_other_names_are_not_because_a_page_could_rebind_them(site: Visitor, host: str) -> None:
    assert site.get("/", host=host).status == 421


def test_a_wildcard_address_takes_any_name() -> None:
    assert guard.hosts_for("0.0.0.0") == frozenset()
    assert guard.refusal("GET", _headers(host="shop.example"), guard.hosts_for("0.0.0.0")) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"http://{HOST}.evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "", "sec_fetch_site": "same-origin"}, 200),
        ({"origin": "", "sec_fetch_site": "cross-site"}, 403),
        ({"content_length": "999999"}, 413),
        ({"content_length": "1" * 30}, 413),
        ({"content_length": ""}, 411),
        ({"content_length": "-1"}, 411),
        ({"content_length": "\u00b2"}, 411),
    ],
)
def test_forms_are_taken_only_from_own_pages_and_only_short(
    site: Visitor, headers: dict[str, str], status: int
) -> None:
    assert site.post("/", **headers).status == status


def test_headers_are_on_every_answer_also_on_refusals_and_a_page_s_own_policy_stays(site: Visitor) -> None:
    for answer in (site.get("/"), site.get("/nothing"), site.get("/", host="evil.example"), site.post("/", origin="x")):
        assert answer.headers["content-security-policy"] == guard.policy()
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert site.get("/own").headers["content-security-policy"] == "sandbox"


def test_the_policy_allows_no_inline_script_and_no_framing() -> None:
    assert "unsafe" not in guard.policy()
    assert "frame-ancestors 'none'" in guard.policy()
    assert "base-uri 'none'" in guard.policy()


def _headers(**given: str):
    from starlette.datastructures import Headers  # noqa: PLC0415

    return Headers(given)
