"""The demo without a person: a program browses, buys, clicks and unsubscribes over real HTTP, and reads real mail.

Each step is an expectation with its latency. The exit code is 0 only if every one of them held.
"""

from __future__ import annotations

import base64
import http.client
import re
import signal
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from rich.console import Console

from tidings.clock import SystemClock, iso
from tidings.deliver.ledger import Ledger
from tidings.hosts import demo
from tidings.hosts.demo import DemoPlace
from tidings.hosts.explain import explain
from tidings.hosts.receiver import Inbox
from tidings.hosts.supervisor import Supervisor
from tidings.log.sqlite import SqliteLog
from tidings.sources.catalogue import Catalogue, Item

WAIT_S = 2
"""The demo journey's wait, so that a run takes seconds."""
PATIENCE_S = 15.0
"""Longest wait for something that should happen."""
Found = TypeVar("Found")


class Unmet(Exception):
    """An expectation that did not hold."""


class Visitor:
    """A person in a browser, as far as the collector can tell: the calls that tidings.js makes."""

    def __init__(self, place: DemoPlace, name: str) -> None:
        self._place = place
        self._key = next(iter(place.config.collect.write_keys))
        self.name = name
        self.anonymous_id = str(uuid.uuid4())
        self.user_id = ""

    def call(self, kind: str, **more: Any) -> dict[str, Any]:
        """Send one call and wait for "on disk"; what was sent."""
        now = iso(SystemClock().now_us())
        event = {
            "type": kind,
            "messageId": str(uuid.uuid4()),
            "anonymousId": self.anonymous_id,
            "timestamp": now,
            **more,
        }
        if self.user_id:
            event["userId"] = self.user_id
        self.send([event])
        return event

    def send(self, events: list[dict[str, Any]]) -> None:
        """Send a batch."""
        body = msgspec.json.encode({"batch": events, "sentAt": iso(SystemClock().now_us())})
        token = base64.b64encode(f"{self._key}:".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {token}"}
        status, _, answer = request("POST", f"{self._place.config.public_url}/v1/batch", body, headers)
        if status != 200:
            msg = f"collector answered {status}: {answer[:200]!r}"
            raise Unmet(msg)

    def add(self, item: Item) -> None:
        """Look at a product and put it in the cart."""
        page = f"{self._place.shop_url}/product/{item.item_id}"
        properties = {
            "product_id": item.item_id,
            "name": item.name,
            "price": item.price,
            "quantity": 1,
            "url": page,
            "image_url": f"{self._place.shop_url}/image/{item.item_id}.svg",
        }
        self.call("track", event="Product Viewed", properties=properties)
        self.call("track", event="Product Added", properties=properties)

    def sign_in(self, *, opt_in: bool) -> None:
        """Say who this is, with the opt-in box ticked or not."""
        self.user_id = f"headless-{self.name.lower()}"
        self.call("identify", traits={"email": self.address, "first_name": self.name})
        if opt_in:
            properties = {"purpose": "marketing", "method": "checkbox", "wording": "Yes, send me reminders"}
            self.call("track", event="Consent Given", properties=properties)

    @property
    def address(self) -> str:
        """The person's e-mail address."""
        return f"{self.name.lower()}@headless.example"


def request(
    method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One HTTP request: status, headers (lower-case), body. Follows no redirect."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        connection.request(method, f"{parts.path}{f'?{parts.query}' if parts.query else ''}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


class Script:
    """The steps, and what the running system shows of itself."""

    def __init__(self, screen: Console, place: DemoPlace, supervisor: Supervisor) -> None:
        self._screen = screen
        self._place = place
        self._supervisor = supervisor
        data = place.config.data
        self._inbox = Inbox(data / "inbox.db")
        self._ledger = Ledger(data / "ledger.db")
        self._log = SqliteLog(data / "log.db", SystemClock())
        self.failed: list[str] = []
        items = msgspec.json.decode((data / "catalogue.json").read_bytes(), type=Catalogue).items
        self._items = [item for item in items if item.price > 0][:20]

    def step(self, name: str, act: Callable[[], str]) -> None:
        """Do one step, show how it went and how long it took."""
        start_s = time.perf_counter()
        try:
            words = act()
            mark = "[green]✓[/green]"
        except (Unmet, OSError, http.client.HTTPException) as problem:
            words, mark = f"[red]{problem}[/red]", "[red]✗[/red]"
            self.failed.append(name)
        took_ms = (time.perf_counter() - start_s) * 1000
        self._screen.print(f"{mark} {name:<44} {took_ms:>8,.1f} ms  [dim]{words}[/dim]", soft_wrap=True)

    def wait_for(self, what: str, look: Callable[[], Found | None], timeout_s: float = PATIENCE_S) -> Found:
        """Look again and again until there is something; Unmet when the time is over."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            found = look()
            if found:
                return found
            self._supervisor.watch(0.01)
        msg = f"waited {timeout_s:.0f} s for {what}"
        raise Unmet(msg)

    # What the system shows

    def serving(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the serving copy."""
        path = self._place.config.data / "serving.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return db.execute(sql, values).fetchall()

    def decisions(self, visitor: Visitor) -> list[Any]:
        """The ledger's rows for a person, newest first."""
        return [row for row in self._ledger.recent(200) if row.address == visitor.address]

    def mails(self, visitor: Visitor) -> list[int]:
        """Numbers of the mails in the inbox for a person."""
        return [mail.id for mail in self._inbox.list(200) if visitor.address in mail.recipients]

    def accounting(self) -> tuple[str, bool]:
        """The accounting line, and whether it adds up with nothing waiting."""
        head = self._log.head()
        sums = "SELECT coalesce(sum(applied),0), coalesce(sum(duplicate),0), coalesce(sum(rejected),0) FROM counts"
        ((applied, duplicate, rejected),) = self.serving(sums)
        waiting = head - sum(row[0] for row in self.serving("SELECT upto_offset FROM cursor"))
        line = f"received {head:,} = applied {applied:,} + duplicate {duplicate:,} + rejected {rejected:,} + waiting {waiting:,}"
        return line, head == applied + duplicate + rejected + waiting and waiting == 0

    # The steps

    def run(self) -> None:
        """All of them, in order."""
        ann, bob, cid = (Visitor(self._place, name) for name in ("Ann", "Bob", "Cid"))
        one, two, three = self._items[0], self._items[3], self._items[7]
        self.step("the shop and its tracker answer", self._shop_answers)
        self.step("Ann adds two things, anonymous", lambda: self._adds(ann, one, two))
        self.step("Ann signs in with the box ticked", lambda: self._signs_in(ann, opt_in=True))
        self.step("Bob adds one thing and buys it", lambda: self._buys(bob, three))
        self.step("Cid adds one thing without opting in", lambda: self._adds_unwilling(cid, two))
        self.step("Ann's mail is in the inbox", lambda: self._mail_arrives(ann, [one, two], three))
        self.step("Bob gets none", lambda: self._no_decision(bob))
        self.step("Cid gets none, and the reason is on record", lambda: self._suppressed(cid, "no_consent"))
        self.step("why Ann's mail was sent", lambda: self._explained(ann))
        self.step("her click is counted and opens the shop", lambda: self._clicks(ann))
        self.step("kill -9 of the processor loses nothing", lambda: self._killed(bob))
        self.step("a retried batch counts once", lambda: self._retried(bob))
        self.step("a broken event is kept with its reason", self._broken)
        self.step("her unsubscribe works at once", lambda: self._unsubscribes(ann, three))
        self.step("every event and message is accounted for", self._adds_up)

    def _shop_answers(self) -> str:
        status, _, page = request("GET", self._place.shop_url + "/")
        script_status, _, script = request("GET", f"{self._place.config.public_url}/tidings.js")
        expect(status == 200 and script_status == 200, f"shop {status}, tidings.js {script_status}")
        expect(b"tidings.js" in page, "the shop's page does not load tidings.js")
        return f"{len(page):,} bytes of shop, {len(script):,} of tracker"

    def _adds(self, visitor: Visitor, *items: Item) -> str:
        for item in items:
            visitor.add(item)
        return f"{2 * len(items)} events on disk"

    def _signs_in(self, visitor: Visitor, *, opt_in: bool) -> str:
        visitor.sign_in(opt_in=opt_in)
        found = self.wait_for(
            f"{visitor.name} as one person with her history",
            lambda: self.serving("SELECT events FROM people WHERE email = ? AND events >= 5", visitor.address),
        )
        return f"one profile, {found[0][0]} events carried over"

    def _buys(self, visitor: Visitor, item: Item) -> str:
        visitor.add(item)
        visitor.sign_in(opt_in=True)
        product = {"product_id": item.item_id, "name": item.name, "price": item.price, "quantity": 1}
        order = {"order_id": str(uuid.uuid4()), "revenue": item.price, "currency": "GBP", "products": [product]}
        visitor.call("track", event="Order Completed", properties=order)
        return f"{item.name} for £{item.price:.2f}"

    def _adds_unwilling(self, visitor: Visitor, item: Item) -> str:
        visitor.add(item)
        visitor.sign_in(opt_in=False)
        return "box not ticked"

    def _mail_arrives(self, visitor: Visitor, items: list[Item], other: Item) -> str:
        number = self.wait_for("the mail", lambda: self.mails(visitor), PATIENCE_S + WAIT_S)[0]
        html = self._inbox.html(number) or ""
        for item in items:
            expect(f"/image/{item.item_id}.svg" in html, f"{item.name} is not in the mail")
        row = self.decisions(visitor)[0]
        recommended = [one.item_id for one in self._ledger.items(row.message_id)]
        expect(len(recommended) == 3, f"wanted 3 recommended items, got {recommended}")
        expect(not {item.item_id for item in items} & set(recommended), "it recommends what is in the cart")
        expect(
            other.item_id in recommended or f"/image/{other.item_id}.svg" not in html, "somebody else's item is in it"
        )
        self.wait_for(
            "the answer of the mail server in the ledger", lambda: self.decisions(visitor)[0].state == "accepted"
        )
        row = self.decisions(visitor)[0]
        late_ms = (row.finished_us - row.decided_us) / 1000
        return (
            f"accepted {late_ms:,.1f} ms after the wait was over: “{row.subject}” with {len(recommended)} recommended"
        )

    def _no_decision(self, visitor: Visitor) -> str:
        time.sleep(WAIT_S / 2)
        expect(not self.decisions(visitor), "there is a decision although the cart was bought")
        return "the order ended the run"

    def _suppressed(self, visitor: Visitor, reason: str) -> str:
        rows = self.wait_for("the decision", lambda: self.decisions(visitor))
        expect(rows[0].state == "suppressed", f"the decision is {rows[0].state}")
        expect(rows[0].reason == reason, f"suppressed because of {rows[0].reason}, wanted {reason}")
        expect(not self.mails(visitor), "there is a mail")
        return f"suppressed: {reason}"

    def _explained(self, visitor: Visitor) -> str:
        found = explain(self._place.config, self.decisions(visitor)[0].message_id)
        names = [event.name for event in found.events]
        expect(names.count("Product Added") == 2, f"events {names}")
        expect(found.consent.get("granted") is True, "no consent on record")
        expect(all(item["reason"] for item in found.items), "an item without a reason")
        return f"{len(found.events)} events, {len(found.steps)} steps, consent by {found.consent['method']}, “{found.items[0]['reason']}”"

    def _clicks(self, visitor: Visitor) -> str:
        html = self._inbox.html(self.mails(visitor)[0]) or ""
        links = re.findall(r'href="([^"]+/l/[^"]+)"', html)
        expect(bool(links), "the mail has no tracked link")
        status, headers, _ = request("GET", links[0])
        expect(status == 302, f"the link answers {status}")
        target = headers.get("location", "")
        expect(target.startswith(self._place.shop_url), f"it leads to {target}")
        expect(request("GET", target)[0] == 200, f"{target} does not answer")
        self.wait_for("the click in her timeline", lambda: self._timeline(visitor, "Email Link Clicked"))
        return f"302 to {target}"

    def _timeline(self, visitor: Visitor, name: str) -> list[tuple[Any, ...]]:
        sql = "SELECT offset FROM timeline JOIN people USING (profile_id) WHERE email = ? AND timeline.name = ?"
        return self.serving(sql, visitor.address, name)

    def _killed(self, visitor: Visitor) -> str:
        role = self._supervisor.roles["process"]
        role.kill(signal.SIGKILL)
        sent = visitor.call("track", event="Seen After Kill")
        self.wait_for("the processor's return", lambda: role.restarts)
        self.wait_for("the event in the timeline", lambda: self._timeline(visitor, sent["event"]))
        return f"restarted {role.restarts} time, the event that came meanwhile is applied"

    def _retried(self, visitor: Visitor) -> str:
        before = self.serving("SELECT coalesce(sum(duplicate),0) FROM counts")[0][0]
        event = visitor.call("track", event="Said Twice")
        visitor.send([{**event, "userId": visitor.user_id}])
        sql = "SELECT sum(duplicate) FROM counts HAVING sum(duplicate) > ?"
        self.wait_for("the duplicate", lambda: self.serving(sql, before))
        expect(len(self._timeline(visitor, "Said Twice")) == 1, "it counted twice")
        return "1 applied, 1 duplicate"

    def _broken(self) -> str:
        Visitor(self._place, "Dot").send([{"type": "track", "messageId": str(uuid.uuid4()), "event": "No Identifier"}])
        sql = "SELECT reason, length(body) FROM rejected WHERE source = 'web'"
        reason, size = self.wait_for("the rejected event", lambda: self.serving(sql))[0]
        expect(reason == "missing_identifier", f"reason {reason}")
        return f"{reason}, {size} bytes kept"

    def _unsubscribes(self, visitor: Visitor, item: Item) -> str:
        html = self._inbox.html(self.mails(visitor)[0]) or ""
        link = re.search(r'href="([^"]+/u/[^"]+)"', html)
        expect(link is not None, "the mail has no unsubscribe link")
        assert link is not None
        before = len(self.mails(visitor))
        status, _, _ = request("GET", link[1])
        expect(status == 200 and not self._ledger.suppressions(visitor.address), "a mere look unsubscribes")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        start_s = time.perf_counter()
        status, _, _ = request("POST", link[1], b"List-Unsubscribe=One-Click", form)
        expect(status == 200, f"one-click answers {status}")
        self.wait_for("the suppression", lambda: self._ledger.suppressions(visitor.address))
        effective_ms = (time.perf_counter() - start_s) * 1000
        visitor.add(item)
        newest = self.wait_for("the next decision", lambda: self.decisions(visitor)[1:] and self.decisions(visitor))[0]
        expect(newest.state == "suppressed", f"the next decision is {newest.state}")
        expect(len(self.mails(visitor)) == before, "another mail came")
        return f"in force after {effective_ms:,.1f} ms; the next cart is suppressed: {newest.reason}"

    def _adds_up(self) -> str:
        self.wait_for("nothing waiting", lambda: self.accounting()[1])
        states = self._ledger.counts()
        expect(not set(states) - {"accepted", "suppressed"}, f"messages are {states}")
        expect(states.get("accepted") == self._inbox.count(), f"{states} but {self._inbox.count()} mails in the inbox")
        return self.accounting()[0]

    def close(self) -> None:
        """Release files."""
        self._ledger.close()
        self._log.close()
        self._inbox.close()


def expect(holds: bool, problem: str) -> None:
    """Raise Unmet with the problem unless it holds."""
    if not holds:
        raise Unmet(problem)


def run(screen: Console, history: Path | None = None) -> int:
    """The whole demo by itself, in a folder of its own; 0 when every expectation held, else 1."""
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tidings-demo-", ignore_cleanup_errors=True) as folder:
        place = demo.prepare(Path(folder), wait=f"{WAIT_S}s", history=history, free=True)
        supervisor = demo.start(place)
        try:
            failed = _play(screen, place, supervisor)
        finally:
            supervisor.stop()
    took_s = time.monotonic() - start_s
    verdict = "[green]every expectation held[/green]" if not failed else f"[red]{len(failed)} did not hold[/red]"
    screen.print(f"\n{verdict} in {took_s:.1f} s")
    return 1 if failed else 0


def _play(screen: Console, place: DemoPlace, supervisor: Supervisor) -> list[str]:
    loaded_s = time.monotonic()
    result = demo.load_history(place)
    demo.catch_up(place, supervisor)
    lines = result.progress.lines
    screen.print(f"loaded {lines:,} lines of history in {time.monotonic() - loaded_s:.1f} s\n")
    script = Script(screen, place, supervisor)
    try:
        script.run()
        line, _ = script.accounting()
        screen.print(f"\n[bold]{line}[/bold]")
        screen.print("messages: " + ", ".join(f"{n} {state}" for state, n in sorted(script._ledger.counts().items())))
    finally:
        script.close()
    return script.failed
