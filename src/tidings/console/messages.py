"""Messages: every decision to send with its one state, and one message with its mail and why."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tidings.console import body, figures, why
from tidings.console.site import missing, number_from, of, text_from
from tidings.decide import policy, reasons
from tidings.workspace import Definitions

PAGE = 40
"""Messages on one page."""
TABS = ("", "accepted", "suppressed", "refused", "in_doubt", "queued")
"""States that the list can be narrowed to."""


def messages(request: Request) -> Response:
    """The list, the latest decision first."""
    site = of(request)
    state = text_from(request, "state")
    state = state if state in TABS else ""
    asked = {
        "decided_us": number_from(request, "before", 1 << 62),
        "message_id": text_from(request, "after"),
        "limit": PAGE + 1,
    }
    with site.store() as store:
        question = "messages_in_state" if state else "messages"
        rows = store.ledger.rows(question, **asked, **({"state": state} if state else {}))
        n = figures.message_figures(store)
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return site.page(
        request,
        "messages.html",
        title="Messages",
        messages=rows[:PAGE],
        older={"before": last["decided_us"], "after": last["message_id"], "state": state} if last else None,
        state=state,
        tabs=TABS,
        state_words=figures.STATE_WORDS,
        n=n,
        policies=_policies(site.workspace.shown().definitions),
    )


def _policies(definitions: Definitions | None) -> list[tuple[str, list[str]]]:
    """Each category with its policy in words."""
    found = definitions.policies if definitions is not None else {}
    return [(name, [f"{line[:1].upper()}{line[1:]}." for line in policy.words(one)]) for name, one in found.items()]


def message(request: Request) -> Response:
    """One message: the mail, the hand-over, and why."""
    site = of(request)
    with site.store() as store:
        row = store.ledger.row("message", request.path_params["message_id"])
        if row is None:
            raise missing("The ledger has no such message.")
        intent = why.unpack(row)
        person = store.serving.row("person", row["profile_id"])
        found = body.rendered_html(store, row)
        chain = why.chain(store, row, intent)
    return site.page(
        request,
        "message.html",
        title=row["subject"] or row["template"].replace("_", " ").capitalize(),
        message=row,
        person=person,
        chain=chain,
        items=why.items(row),
        currency=_currency(intent.values.get("event")),
        origin=found.origin if found else "",
        state_words=figures.STATE_WORDS,
        reason=reasons.words(row["reason"]) if row["reason"] in reasons.REASONS else "",
        segments=intent.why.get("segments", []),
        shown=site.workspace.shown(),
        shop=body.site(site.config.mail.shop_url),
    )


def _currency(said: Any) -> str:
    """Of the event that began it, as the mail's template takes it; empty when it says none."""
    given = said.get("currency") if isinstance(said, dict) else None
    return given if isinstance(given, str) else ""


def message_body(request: Request) -> Response:
    """The mail's HTML for the frame on that page: sandboxed, links dead, the open pixel left out."""
    site = of(request)
    with site.store() as store:
        row = store.ledger.row("message", request.path_params["message_id"])
        found = body.rendered_html(store, row) if row else None
    if found is None:
        raise missing("Nothing is left to render this message from.")
    images = body.picture_sites(found.html, site.config.public_url)
    return HTMLResponse(found.html, headers={"Content-Security-Policy": body.policy(images, popups=False)})
