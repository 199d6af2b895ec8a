"""Why a message was sent, and its bytes once more: of a real installation whose mail a real SMTP server took."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.acceptance.installation import TEMPLATE, write
from tidings import config as configuration
from tidings.clock import iso
from tidings.config import CollectConfig, Config, MailConfig
from tidings.deliver.ledger import Ledger
from tidings.hosts.receiver import Inbox, receiving
from tidings.hosts.supervisor import Supervisor, free_ports

JOURNEY = """journey: hello
entry: {event: Go, where: {price: {at_least: 5}}}
steps:
  - {id: pause, wait: 1s}
  - {id: ways, split: {mail: 99, other: 1}}
  - {id: mail, send: {template: hello, category: marketing}}
  - {id: other, exit: other}
"""
OTHER = TEMPLATE.replace("Hello {{ person.email }}", "Good day, {{ person.email }}, and welcome")


class Installation:
    """All roles, and a mail server beside them that keeps what it takes."""

    def __init__(self, folder: Path, smtp_port: int) -> None:
        self.workspace = write(
            folder / "workspace",
            traits_yml="orders: {count: {event: Order}}\n",
            policy_yml="marketing: {consent: not_needed, cap: {at_most: 1, per: 24h}}\n",
            journeys__hello_yml=JOURNEY,
            templates__hello_mjml=TEMPLATE,
        )
        (port,) = free_ports(1)
        self.config = Config(
            data=folder / "data",
            workspace=self.workspace,
            collect=CollectConfig(port=port, write_keys={"wk": "web"}),
            mail=MailConfig(smtp_port=smtp_port, smtp_tls="never", from_address="hello@shop.example"),
            lake_flush_s=0.1,
        )
        self.toml = folder / "tidings.toml"
        configuration.save(self.config, self.toml)
        self.supervisor = Supervisor(self.config, ["collect", "process", "deliver", "project"])
        self.supervisor.start()

    def post(self, *events: dict[str, Any]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.config.collect.port, timeout=10)
        headers = {"Authorization": "Basic " + b64encode(b"wk:").decode(), "Content-Type": "application/json"}
        connection.request("POST", "/v1/batch", msgspec.json.encode({"batch": events}), headers)
        assert connection.getresponse().read()
        connection.close()

    def messages(self, count: int) -> list[Any]:
        """The ledger's rows, once there are so many that have ended."""
        deadline = time.monotonic() + 30
        while True:
            ledger = Ledger(self.config.data / "ledger.db")
            rows = [row for row in ledger.recent(100) if row.finished_us]
            ledger.close()
            if len(rows) >= count:
                return rows
            assert time.monotonic() < deadline, f"{len(rows)} messages"
            self.supervisor.watch(0.05)

    def all_messages(self) -> list[Any]:
        ledger = Ledger(self.config.data / "ledger.db")
        rows = ledger.recent(100)
        ledger.close()
        return rows

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds: serving copy and lake follow a moment later."""
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline
            self.supervisor.watch(0.05)

    def run(self, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "tidings.cli", *arguments, "--config", str(self.toml)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Inbox]]:
    folder = tmp_path_factory.mktemp("why")
    inbox = Inbox(folder / "inbox.db")
    with receiving(inbox) as port:
        here = Installation(folder, port)
        here.post(
            {"type": "identify", "userId": "ann", "messageId": "i", "traits": {"email": "ann@x.example"}},
            {"type": "track", "userId": "ann", "messageId": "g", "event": "Go", "properties": {"price": 9}},
        )
        here.messages(1)
        yield here, inbox
        here.supervisor.stop()
    inbox.close()


def received(inbox: Inbox) -> bytes:
    (mail,) = inbox.list(10)
    found = inbox.get(mail.id)
    assert found is not None
    return found[1]


def test_the_same_bytes_come_again_even_when_the_template_was_changed_since(
    place: tuple[Installation, Inbox], tmp_path: Path
) -> None:
    here, inbox = place
    (row,) = here.messages(1)
    write(here.workspace, templates__hello_mjml=OTHER)
    code, out = here.run("apply", "--why", "another greeting")
    assert code == 0, out
    secrets = here.config.data / "secrets"
    (secrets / "tracking.key").rename(secrets / "tracking.key.1")  # and its key is another one by now

    code, out = here.run("why", row.message_id, "--render", "--to", str(tmp_path / "again.eml"))

    assert code == 0, out
    assert out.startswith("identical")
    assert (tmp_path / "again.eml").read_bytes() == received(inbox)


def test_what_was_altered_is_said(place: tuple[Installation, Inbox], tmp_path: Path) -> None:
    here, _ = place
    (row,) = here.messages(1)
    ledger = Ledger(here.config.data / "ledger.db")
    was = ledger.kept(row.template_version)
    with ledger._db.transaction() as db:
        db.execute(
            "UPDATE kept SET body = CAST(replace(body, 'Hello', 'Hallo') AS BLOB) WHERE version = ?",
            (row.template_version,),
        )

    code, out = here.run("why", row.message_id, "--render", "--json", "--to", str(tmp_path / "again.eml"))

    with ledger._db.transaction() as db:
        db.execute("UPDATE kept SET body = ? WHERE version = ?", (was, row.template_version))
    ledger.close()
    said = msgspec.json.decode(out)
    assert code == 1
    assert said["differs"] == [f"the kept template hello is not version {row.template_version} any more"]


def test_the_whole_chain_is_told(place: tuple[Installation, Inbox]) -> None:
    here, _ = place
    (row,) = here.messages(1)
    code, out = here.run("why", row.message_id, "--json")
    assert code == 0, out
    said = msgspec.json.decode(out)
    assert [event["name"] for event in said["events"]] == ["Go"]
    assert [(one["step"], one["ended"]) for one in said["waits"]] == [("pause", "waited 1s")]
    assert (said["draws"][0]["what"], said["draws"][0]["arm"]) == ("split", "mail")
    assert said["values"] == [{"name": "person.email", "value": "ann@x.example", "by": ["template"]}]
    assert said["definitions"]["why"] == "first version"
    cap = {"at_most": 1, "per": "1d", "categories": ["marketing"], "counted": 0, "messages": []}
    assert (said["caps"], said["quiet"], said["arbitration"]) == ([cap], {}, {})
    assert said["attempts"][0]["reply"].startswith("250")
    code, out = here.run("why", row.message_id)
    assert "Waits 1s" in out
    assert "Drawn by hash" in out


def test_what_was_never_rendered_is_refused_with_its_state(place: tuple[Installation, Inbox], tmp_path: Path) -> None:
    here, _ = place
    here.post({"type": "track", "userId": "ann", "messageId": "g2", "event": "Go", "properties": {"price": 9}})
    capped = next(row for row in here.messages(2) if row.state == "suppressed")
    code, out = here.run("why", capped.message_id, "--render", "--to", str(tmp_path / "none.eml"))
    assert (code, "frequency_cap" in out) == (2, True)
    code, out = here.run("why", capped.message_id, "--json")
    assert [one["state"] for one in msgspec.json.decode(out)["counted"]] == ["accepted"]


def test_why_not_answers_for_who_got_nothing(place: tuple[Installation, Inbox]) -> None:
    here, _ = place
    bob = {"type": "track", "userId": "bob", "event": "Go"}
    here.post({**bob, "messageId": "b1", "properties": {"price": 3}}, {**bob, "messageId": "b2", "properties": {}})
    here.until(lambda: "2 times" in here.run("why-not", "bob", "hello")[1])

    code, out = here.run("why-not", "bob", "hello", "--json")

    assert code == 0, out
    said = msgspec.json.decode(out)
    assert (said["verdict"]["kind"], said["verdict"]["because"]) == ("never_entered", "filter")
    assert "price is missing (wanted: is at least 5)" in said["verdict"]["sentence"]
    assert [link["kind"] for link in said["chain"]] == ["step", "no", "no"]
    assert "price is 3 (wanted" in here.run("why-not", "bob", "hello")[1]
    code, out = here.run("why-not", "bob", "hallo")
    assert (code, "did you mean hello?" in out) == (2, True)


def test_why_not_as_of_an_earlier_instant_knows_nothing_of_later(place: tuple[Installation, Inbox]) -> None:
    here, _ = place
    row = min(here.messages(1), key=lambda one: one.decided_us)
    before = iso(row.decided_us - 500_000)  # while it waited
    here.until(lambda: "A run is going on" in here.run("why-not", "ann", "hello", "--as-of", before)[1])
    code, out = here.run("why-not", "ann", "hello", "--as-of", before)
    assert code == 0, out
    assert "at step pause it waits 1s, until" in out
    code, out = here.run("why-not", "ann", "hello", "--as-of", iso(row.decided_us - 60_000_000))
    assert "a run begins when somebody did Go with price is at least 5; this person never did" in out


def test_a_dry_run_goes_to_ones_own_address_and_leaves_no_trace(place: tuple[Installation, Inbox]) -> None:
    here, inbox = place
    before = (inbox.count(), len(here.all_messages()))

    code, out = here.run("dry-run", "hello", "--as", "ann", "--to", "me@shop.example", "--send")

    assert code == 0, out
    assert "pause: waits 1s" in out
    assert re.search(r"ways: (drew [\d.]+ of 100: |stays with )mail", out)
    assert "or 1 % -> other" in out
    assert "would not be sent: frequency_cap" in out or "would be sent" in out
    mail = inbox.list(1)[0]
    found = inbox.get(mail.id)
    assert found is not None
    assert (mail.recipients, mail.subject) == (["me@shop.example"], "[dry run] Hello")
    assert b"X-Tidings-Dry-Run: journey hello, step mail, as " in found[1]
    assert b"List-Unsubscribe" not in found[1]
    assert b"ann@x.example" in found[1], "her real values"
    assert (inbox.count(), len(here.all_messages())) == (before[0] + 1, before[1]), "it is in no list of hers"


def test_a_dry_run_never_goes_to_the_person_herself(place: tuple[Installation, Inbox], tmp_path: Path) -> None:
    here, inbox = place
    before = inbox.count()
    code, out = here.run("dry-run", "hello", "--as", "ann", "--to", "ann@x.example", "--send")
    assert (code, "never to hers" in out) == (2, True), out
    assert here.run("dry-run", "hello", "--as", "ann", "--send")[0] == 2
    code, out = here.run("dry-run", "hello", "--as", "ann", "--step", "other")
    assert (code, "wanted one that sends: mail" in out) == (2, True)
    code, out = here.run("dry-run", "hello", "--as", "ann", "--out", str(tmp_path / "mails"))
    assert code == 0, out
    assert (tmp_path / "mails" / "hello-mail.eml").read_bytes().startswith(b"From: ")
    assert inbox.count() == before


def test_a_dry_run_takes_definitions_that_do_not_run_yet(place: tuple[Installation, Inbox], tmp_path: Path) -> None:
    here, _ = place
    draft = write(
        tmp_path / "draft",
        traits_yml="gone: {count: {event: Go}}\n",
        policy_yml="marketing: {consent: required}\n",
        journeys__new_yml="""journey: new
entry: {event: Go}
steps:
  - {id: often, branch: {if: {trait: gone, at_least: 1}, else: exit}}
  - {id: mail, send: {template: hello, category: marketing}}
""",
        templates__hello_mjml=TEMPLATE.replace("person.email", "person.gone"),
    )
    here.until(lambda: "gone" in here.run("dry-run", "new", "--as", "ann", "--workspace", str(draft))[1])
    code, out = here.run("dry-run", "new", "--as", "ann", "--workspace", str(draft))
    assert code == 0, out
    assert "would not be sent: no_consent" in out
    assert re.search(r"\| Hello [12]", out), out


def test_what_another_tool_says_by_events_is_compared_and_our_own_words_are_not_taken_for_it(
    place: tuple[Installation, Inbox], tmp_path: Path
) -> None:
    here, _ = place
    said = {"type": "track", "userId": "ann", "event": "Email Sent", "properties": {"campaign_name": "hello again"}}
    here.post({**said, "messageId": "t1"}, {**said, "messageId": "t2", "userId": "bob"})
    here.until(lambda: msgspec.json.decode(here.run("shadow", "hello", "--json")[1])["only_theirs"] == 1)

    code, out = here.run("shadow", "hello", "--html", str(tmp_path / "shadow.html"))

    assert code == 0, out
    assert "hello in the shadow of events Email Sent" in out
    assert re.search(r"1 both, \d only ours, 1 only theirs", out)
    assert "Never entered: filter" in out
    assert "hello is not in shadow mode now" in out
    assert "bob" in (tmp_path / "shadow.html").read_text()
    assert "0 both" in here.run("shadow", "hello", "--only", "another")[1]
    assert here.run("shadow", "hello", "--within", "soon")[0] == 2
