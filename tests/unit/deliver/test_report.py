"""Delivery events: each end of a message becomes one event of our own source, until the log has it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.crash.deliver_role import Life, log_file, make_place
from tests.unit.deliver.messages import NOW_US, intent, message_id, suppression
from tests.unit.deliver.scripted_smtp import ScriptedServer, serving
from tidings.deliver import report
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Report
from tidings.domain.record import LogRecord
from tidings.domain.wire import INTERNAL_SOURCE, normalise


def finished(state, **changes):
    fields = {
        "message_id": message_id(1),
        "profile_id": "p1",
        "journey": "abandoned_cart",
        "template": "abandoned_cart",
        "category": "marketing",
        "state": state,
        "reason": "",
        "reply": "",
        "finished_us": NOW_US,
    }
    return Report(**{**fields, **changes})


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("accepted", "Email Sent"),
        ("refused", "Email Refused"),
        ("suppressed", "Email Suppressed"),
        ("in_doubt", "Email In Doubt"),
    ],
)
def test_each_end_has_its_event_which_the_wire_reads_as_the_persons(state, name):
    body = json.loads(report.body([finished(state, reason="why", reply="550 no")]))
    assert (body["source"], body["backfill"]) == ("tidings", False)
    raw = json.dumps(body["records"][0]["body"]).encode()
    event = normalise(LogRecord(INTERNAL_SOURCE, "", 0, raw), 5, NOW_US + 10)
    assert (event.name, event.profile_id, event.occurred_us) == (name, "p1", NOW_US)
    assert event.event_id == f"{state}-{message_id(1)}"
    meaning = {"kind": "soft", "cause": "recipient_refused"} if state == "refused" else {}
    assert event.properties == {
        "message_id": message_id(1),
        "journey": "abandoned_cart",
        "template": "abandoned_cart",
        "category": "marketing",
        "reason": "why",
        "reply": "550 no",
        **meaning,
    }


def test_what_there_is_no_word_for_is_left_out():
    assert set(report.event(finished("accepted"))["properties"]) == {"message_id", "journey", "template", "category"}


class Door(BaseHTTPRequestHandler):
    """A collector that is busy at first."""

    refusals = 2
    taken: list[dict] = []
    keys: set[str] = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Door.keys.add(self.headers["Authorization"])
        if Door.refusals:
            Door.refusals -= 1
            self.send_response(503)
        else:
            Door.taken += json.loads(body)["records"]
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        """Quiet."""


def test_the_role_reports_every_end_until_the_collector_takes_it_and_sends_meanwhile(tmp_path):
    door = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=door.serve_forever, daemon=True)
    thread.start()
    with serving(ScriptedServer()) as smtp_port, log_file(tmp_path) as log:
        config = make_place(tmp_path, smtp_port, door.server_port)
        ledger = Ledger(config.data / "ledger.db")
        ledger.add(
            [intent(1, address="take@x.example"), intent(2, address="refuse-rcpt@x.example"), intent(3)],
            [suppression("p3@x.example")],
        )
        life = Life(tmp_path, log)
        for _ in range(200):
            if not ledger.queued() and not ledger.unreported(1):
                break
            threading.Event().wait(0.05)
        assert life.stop() == 0
    door.shutdown()
    thread.join()
    door.server_close()
    assert {record["body"]["messageId"] for record in Door.taken} == {
        f"accepted-{message_id(1)}",
        f"refused-{message_id(2)}",
        f"suppressed-{message_id(3)}",
    }
    assert ledger.unreported(10) == []
    key = (config.data / "secrets" / "internal.key").read_text().strip()
    assert {f"Bearer {key}"} == Door.keys
    ledger.close()


def test_a_refusal_tells_what_it_means_and_proof_names_the_address():
    def said(reply, **changes):
        return report.event(finished("refused", reply=reply, address="ann@x.example", **changes))["properties"]

    dead = said("550 5.1.1 no such user here")
    assert (dead["kind"], dead["cause"], dead["address"]) == ("hard", "no_such_user", "ann@x.example")
    full, unclear = said("552 5.2.2 mailbox full"), said("550 no such user")
    assert (full["kind"], full["cause"], "address" in full) == ("soft", "mailbox_full", False)
    assert (unclear["kind"], "address" in unclear) == ("soft", False)
    assert "kind" not in said("", reason="no_template")
    assert "kind" not in report.event(finished("accepted", reply="250 ok"))["properties"]
