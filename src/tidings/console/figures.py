"""The figures and feeds that the pages show and the live stream keeps current; one place, so that both agree.

They add up by construction of the stages, not of this file: `received` is the log's head, `waiting` its distance from
the serving copy's cursor, and the three outcomes are counted by the projector (law 5). `adds_up` checks it.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from tidings.console import show
from tidings.console.definitions import Shown
from tidings.console.store import Store
from tidings.domain.output import STATUS_NAMES

FEED_ROWS = 14
"""Rows of a live feed."""
STATES = ("accepted", "suppressed", "refused", "in_doubt", "queued", "attempting")
"""States of a message, ends first."""


STATE_WORDS = {
    "accepted": "Sent",
    "refused": "Refused",
    "suppressed": "Suppressed",
    "in_doubt": "In doubt",
    "queued": "Queued",
    "attempting": "Being handed over",
}
"""States for people."""


class Snapshot(msgspec.Struct, kw_only=True):
    """Everything live, at one instant."""

    numbers: dict[str, int]
    """Figure by key, as the pages' ``data-n`` attributes name them."""
    adds_up: bool
    """Whether received = applied + duplicate + rejected + waiting."""
    events: list[dict[str, Any]]
    """Newest records of the log that are processed."""
    changes: list[dict[str, Any]]
    """Newest enters and leaves."""
    messages: list[dict[str, Any]]
    """Newest decisions."""
    mails: list[dict[str, Any]]
    """Newest mails in the inbox."""
    sources: list[str]
    """Sources that have sent something, the busiest first."""


def snapshot(store: Store, shown: Shown) -> Snapshot:
    """All figures and feeds now."""
    with store.serving.snapshot():
        counted = event_figures(store)
        sources = [row["source"] for row in store.serving.rows("sources")]
        counted |= {f"segment:{row['segment']}": row["members"] for row in store.serving.rows("segment_counts")}
        counted |= run_figures(store.serving.rows("run_counts"))
        events = [event_row(row) for row in store.serving.rows("recent", FEED_ROWS)]
        changes = [change_row(row, shown) for row in store.serving.rows("changes", FEED_ROWS)]
    counted |= message_figures(store)
    total = store.inbox.row("mail_count")
    counted["mails"] = total["n"] if total else 0
    mails = [mail_row(row) for row in store.inbox.rows("mails", before=1 << 62, limit=FEED_ROWS)]
    return Snapshot(
        numbers=counted,
        adds_up=adds_up(counted),
        events=events,
        changes=changes,
        messages=[message_row(row) for row in newest_messages(store)],
        mails=mails,
        sources=sources,
    )


def event_figures(store: Store) -> dict[str, int]:
    """What became of the log's records."""
    cursor = store.serving.row("cursor")
    upto = cursor["upto_offset"] if cursor else 0
    sources = store.serving.rows("sources")
    totals = {name: sum(row[name] for row in sources) for name in STATUS_NAMES}
    head = max(store.head(), upto)  # read after the cursor, so what is waiting is never less than nothing
    by_source = {f"source:{row['source']}:{name}": row[name] for row in sources for name in STATUS_NAMES}
    return {"received": head, "waiting": head - upto, **totals, **by_source}


def adds_up(counted: dict[str, int]) -> bool:
    """Law 5, checked on the figures that are shown."""
    parts = ("applied", "duplicate", "rejected", "waiting")
    return counted["received"] == sum(counted[part] for part in parts)


def run_figures(rows: list[sqlite3.Row]) -> dict[str, int]:
    """Runs by journey: entered, active, ended, and waiting at each step."""
    counted: dict[str, int] = {}

    def add(key: str, n: int) -> None:
        counted[key] = counted.get(key, 0) + n

    for row in rows:
        journey, n = row["journey"], row["n"]
        if row["state"] == "lane":  # it waits at a step, and belongs to a run that is counted
            add(f"at:{journey}:{row['step']}:active", n)
            continue
        add(f"entered:{journey}", n)
        add(f"{row['state']}:{journey}", n)
        add(f"at:{journey}:{row['step']}:{row['state']}", n)
    return counted


def message_figures(store: Store) -> dict[str, int]:
    """Messages by state, and by journey and state; `decided` is all of them."""
    counted = dict.fromkeys(STATES, 0)
    for row in store.ledger.rows("states"):
        if row["state"] in counted:
            counted[row["state"]] += row["n"]
        counted[f"sent:{row['journey']}:{row['state']}"] = row["n"]
    counted["queued"] += counted.pop("attempting")  # handed over, answer awaited: still on its way
    counted["decided"] = sum(counted[state] for state in STATES if state != "attempting")
    return counted


def newest_messages(store: Store) -> list[sqlite3.Row]:
    """The latest decisions."""
    return store.ledger.rows("messages", decided_us=1 << 62, message_id="", limit=FEED_ROWS)


def event_row(row: sqlite3.Row) -> dict[str, Any]:
    """A record, for a feed."""
    return {
        "id": row["offset"],
        "at": row["received_us"],
        "state": STATUS_NAMES[row["status"]],
        "name": row["event"] or (row["reason"] or "event").replace("_", " "),
        "more": row["source"],
        "who": show.who(row) if row["profile_id"] else "",
        "href": f"/events/{row['offset']}",
    }


def change_row(row: sqlite3.Row, shown: Shown) -> dict[str, Any]:
    """An enter or leave, for a feed."""
    return {
        "id": row["id"],
        "at": row["known_us"],
        "state": "entered" if row["entered"] else "left",
        "name": shown.label(row["segment"]),
        "more": "entered" if row["entered"] else "left",
        "who": show.who(row),
        "href": f"/people/{row['profile_id']}",
    }


def message_row(row: sqlite3.Row) -> dict[str, Any]:
    """A decision, for a feed."""
    return {
        "id": row["message_id"],
        "at": row["decided_us"],
        "state": row["state"],
        "name": row["subject"] or show.words(row["template"]),
        "who": row["address"] or "no address",
        "more": show.words(row["reason"]) if row["reason"] else STATE_WORDS.get(row["state"], row["state"]),
        "href": f"/messages/{row['message_id']}",
    }


def mail_row(row: sqlite3.Row) -> dict[str, Any]:
    """A mail, for the inbox's list."""
    who = ", ".join(msgspec.json.decode(row["recipients"], type=list[str]))[:200]
    return {
        "id": row["id"],
        "at": row["received_us"],
        "name": row["subject"] or "(no subject)",
        "who": who,
        "initials": show.initials(who),
        "hue": show.hue(who),
        "href": f"/inbox/{row['id']}",
    }
