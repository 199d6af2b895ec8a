"""People: search and list, and one person with everything that is known, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tidings.console import figures, standing
from tidings.console.site import missing as gone
from tidings.console.site import number_from, of, text_from
from tidings.console.store import Store
from tidings.domain import wire
from tidings.domain.event import Event

PAGE = 40
"""People on one page."""
TIMELINE = 30
"""Events on one page of a timeline."""
FOUND = 50
"""Most people that a search shows."""
IDENTIFIES = 12
"""Identify calls looked at to tell when each trait was given."""
LAST = "\U0010ffff"


def people(request: Request) -> Response:
    """The list, newest active first; or what a search finds."""
    site = of(request)
    query = text_from(request, "q", 120)
    with site.store() as store:
        total = store.serving.row("people_count")
        if query:
            rows, after = search(store, query), None
        else:
            rows, after = _page(store, request)
    return site.page(
        request,
        "people.html",
        title="People",
        query=query,
        people=[_with_segments(row) for row in rows],
        after=after,
        total=total["n"] if total else 0,
        shown=site.workspace.shown(),
        limit=FOUND,
    )


def _page(store: Store, request: Request) -> tuple[list[sqlite3.Row], dict[str, Any] | None]:
    last_us, profile_id = number_from(request, "before", 1 << 62), text_from(request, "after")
    rows = store.serving.rows("people", last_us=last_us, profile_id=profile_id, limit=PAGE + 1)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return rows, {"before": rows[-1]["last_us"], "after": rows[-1]["profile_id"]} if more else None


def search(store: Store, query: str) -> list[sqlite3.Row]:
    """People by profile id, any identifier, the beginning of an e-mail address, or a part of the name; best first."""
    found: dict[str, sqlite3.Row] = {}
    for profile_id in _candidates(store, query):
        row = store.serving.row("person", profile_id)
        if row is not None:
            found.setdefault(profile_id, row)
        if len(found) == FOUND:
            break
    return list(found.values())


def _candidates(store: Store, query: str) -> Iterable[str]:
    serving = store.serving
    yield query
    for low, high in {(query, query + "\0"): 0, (query, query + LAST): 0, (query.lower(), query.lower() + LAST): 0}:
        for kind in serving.rows("identifier_kinds"):
            yield from (row["profile_id"] for row in serving.rows("by_identifier", kind["kind"], low, high, FOUND))
        yield from (row["profile_id"] for row in serving.rows("by_email", low, high, FOUND))
    escaped = query.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    yield from (row["profile_id"] for row in serving.rows("by_name", f"%{escaped}%", FOUND))


def _with_segments(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "segments": _json(row["segments"])}


def person(request: Request) -> Response:
    """One person."""
    site = of(request)
    profile_id = request.path_params["profile_id"]
    with site.store() as store:
        row = store.serving.row("person", profile_id)
        if row is None:
            survivor = store.serving.row("survivor", profile_id)
            if survivor is not None:
                return RedirectResponse(f"/people/{survivor['survivor']}", 307)
            raise gone(f"Nobody has the profile id {profile_id[:40]}.")
        known = _known(store, row)
        timeline, older = _timeline(store, request, profile_id)
    shown = site.workspace.shown()
    with site.states.look() as state:
        stands = standing.standings(state, shown, profile_id, site.clock.now_us()) if state is not None else []
    return site.page(
        request,
        "person.html",
        title=_title(row),
        person=row,
        timeline=timeline,
        older=older,
        shown=shown,
        stands=stands,
        **known,
    )


def _title(row: sqlite3.Row) -> str:
    return str(row["name"] or row["email"] or row["user_id"] or f"Anonymous {row['profile_id'][:6]}")


def _known(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """All that the page shows besides the timeline."""
    profile_id = row["profile_id"]
    traits = _json(row["traits"])
    runs = [dict(run) for run in store.serving.rows("person_runs", profile_id)]
    for run in runs:
        run["steps"] = store.serving.rows("run_steps", run["run_id"])
    computed = _json(row["computed"])
    return {
        "traits": traits,
        "given_at": _given(store, profile_id, traits),
        "cart": computed.pop("cart", None) or [],
        "computed": {name: given for name, given in computed.items() if given is not None},
        "unknown": [name for name, given in computed.items() if given is None],
        "segments": sorted(_json(row["segments"]).items(), key=lambda one: -one[1]),
        "consents": [consent(store, profile_id, purpose, one) for purpose, one in _json(row["consents"]).items()],
        "identifiers": store.serving.rows("identifiers", profile_id),
        "merges": store.serving.rows("merges", profile_id),
        "runs": runs,
        "messages": [
            figures.message_row(message) for message in store.ledger.rows("messages_of_person", profile_id, 30)
        ],
        "suppressions": store.ledger.rows("suppressions", (row["email"] or "").lower()) if row["email"] else [],
    }


def consent(store: Store, profile_id: str, purpose: str, entry: dict[str, Any]) -> dict[str, Any]:
    """A consent with its evidence: the event that gave or withdrew it, and the wording that was agreed to."""
    found = store.serving.row("timeline_event", profile_id, entry.get("event_id", ""))
    offset = found["offset"] if found else None
    event = read_event(store, offset) if offset is not None else None
    wording = event.properties.get("wording") if event else None
    return {**entry, "purpose": purpose, "offset": offset, "wording": wording if isinstance(wording, str) else ""}


def read_event(store: Store, offset: int) -> Event | None:
    """The event at an offset, from the log's bytes; None when it is gone or was rejected."""
    found = store.record(offset)
    event = wire.normalise(found.record, offset, found.taken_us) if found else None
    return event if isinstance(event, Event) else None


def _given(store: Store, profile_id: str, traits: dict[str, Any]) -> dict[str, int]:
    """When each trait was last given with its present value, as far as the latest identify calls tell."""
    when: dict[str, int] = {}
    rows = store.serving.rows("timeline_named", profile_id, '["Identify"]', IDENTIFIES)
    for row in rows:
        event = read_event(store, row["offset"])
        for name, given in (event.traits if event else {}).items():
            if name in traits and traits[name] == given:
                when.setdefault(name, row["occurred_us"])
    return when


def _timeline(store: Store, request: Request, profile_id: str) -> tuple[list[dict[str, Any]], dict[str, int] | None]:
    rows = store.serving.rows(
        "timeline",
        profile_id=profile_id,
        occurred_us=number_from(request, "before", 1 << 62),
        offset=number_from(request, "offset", 0),
        limit=TIMELINE + 1,
    )
    shown = [{**dict(row), "summary": _json(row["summary"])} for row in rows[:TIMELINE]]
    last = rows[TIMELINE - 1] if len(rows) > TIMELINE else None
    return shown, {"before": last["occurred_us"], "offset": last["offset"]} if last else None


def _json(text: str) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any])
