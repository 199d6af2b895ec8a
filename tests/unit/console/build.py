"""A data directory with something in it: real log, core, projector, ledger, templates and inbox, under a virtual clock."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

from tidings import workspace
from tidings.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, ManualClock, iso
from tidings.config import CollectConfig, Config, MailConfig
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Frozen
from tidings.domain.message import DeliveryState, Intents, SendIntent
from tidings.domain.output import OutputBlock
from tidings.domain.record import BACKFILL, REFUSED, LogRecord
from tidings.feedback import deliveries
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.tokens import Tokens
from tidings.hosts.drive import Driver
from tidings.hosts.receiver import Inbox
from tidings.log.sqlite import SqliteLog
from tidings.outputs.memory import MemoryOutputs
from tidings.pipeline import Pipeline
from tidings.process.profile import computed
from tidings.recommend.base import Recommendation
from tidings.render.mail import Sender, render_message
from tidings.render.template import compile_template
from tidings.serving.projector import Projector
from tidings.state.rocks import RocksState

NOW_US = 1_795_000_000_000_000
"""18 November 2026: the end of the story unless another is given."""
RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
SHOP = "http://127.0.0.1:8302"
GOODS = [
    ("85123A", "White Hanging Heart T-Light Holder", 2.95),
    ("22423", "Regency Cakestand 3 Tier", 12.75),
    ("85099B", "Jumbo Bag Red Retrospot", 2.08),
    ("47566", "Party Bunting", 4.95),
    ("20725", "Lunch Bag Red Retrospot", 1.65),
    ("84879", "Assorted Colour Bird Ornament", 1.69),
    ("22720", "Set of 3 Cake Tins Pantry Design", 4.95),
    ("23203", "Jumbo Bag Vintage Doily", 2.08),
]
PEOPLE = [
    "Anna Berger",
    "Tom Wood",
    "Maja Lind",
    "Carlos Ruiz",
    "Priya Nair",
    "Jonas Keller",
    "Emma Clarke",
    "Liam Byrne",
    "Sofia Rossi",
    "Noor Haddad",
    "Ivan Petrov",
    "Grace Osei",
    "Yuki Tanaka",
    "Marta Nowak",
    "Ben Adler",
    "Chloe Martin",
]
WORDING = "Send me news, offers and a reminder when I leave something in my basket. I can stop this at any time."


ENDS = [
    (DeliveryState.ACCEPTED, "250 2.0.0 stored"),
    (DeliveryState.ACCEPTED, "250 2.0.0 stored"),
    (DeliveryState.REFUSED, "550 5.1.1 no such user here"),
    (DeliveryState.IN_DOUBT, ""),
]
"""What the server answers, in turn; then always yes."""


class World:
    """One data directory and everything that writes into it."""

    def __init__(self, folder: Path, start_us: int, source: Path = RETAIL) -> None:
        self.config = Config(
            data=folder / "data",
            workspace=folder / "workspace",
            collect=CollectConfig(write_keys={"wk_web": "web"}),
            mail=MailConfig(from_name="Marigold & Co", from_address="hello@marigold.example", shop_url=SHOP),
        )
        shutil.copytree(source, self.config.workspace)
        self.clock = ManualClock(start_us)
        definitions = workspace.load(self.config.workspace)
        self.log = SqliteLog(self.config.data / "log.db", self.clock, writer=True)
        self.ledger = Ledger(self.config.data / "ledger.db")
        self.inbox = Inbox(self.config.data / "inbox.db")
        self.outputs = MemoryOutputs()
        self._layout = definitions.layout
        self._state = RocksState(self.config.data / "state", 7 * DAY_US)
        self._driver = Driver(Pipeline(definitions), self.log, self._state, self)
        show = lambda state: computed(state, definitions.layout)  # noqa: E731
        self._projector = Projector(self.config.data / "serving.db", self.log, self.outputs, show)
        self._sent = 0
        self.answers: list[tuple[str, str]] = []
        self.handed_over: list[str] = []

    # the sink of the core

    def put(self, block: OutputBlock, intents: Intents) -> None:
        self.ledger.add(intents.sends, intents.suppressions)
        self.outputs.append([block])

    def last_seq(self) -> int:
        return self.outputs.last_seq()

    def durable_seq(self) -> int:
        return self.outputs.last_seq()

    # what happens

    def tell(
        self, kind: str, who: dict[str, str], *, source: str = "web", flags: int = 0, at_us: int = 0, **body: Any
    ) -> int:
        """One event now (or said to have happened at `at_us`); its offset."""
        self._sent += 1
        at_us = at_us or self.clock.now_us()
        event = {"messageId": f"m{self._sent}", "type": kind, "timestamp": iso(at_us), **who, **body}
        return self.raw(json.dumps(event).encode(), source=source, flags=flags)

    def track(self, who: dict[str, str], event: str, /, **properties: Any) -> int:
        return self.tell("track", who, event=event, properties=properties)

    def raw(self, body: bytes, *, source: str = "web", flags: int = 0, reason: str = "") -> int:
        """Any bytes."""
        return self.log.append([LogRecord(source, "", 0, body, flags, reason)])

    def run(self) -> None:
        """Process, fire what is due, project."""
        while self._driver.run_batch():
            while self._driver.fire(self._driver.complete_us):
                pass
        horizon_us = self.log.horizon_us(self.clock.now_us())
        while self._driver.fire(horizon_us):
            pass
        self.project()

    def project(self) -> None:
        while self._projector.step():
            pass

    def wait(self, span_us: int) -> None:
        """Let time pass in small steps, timers firing and messages going out on the way."""
        self.run()
        until_us = self.clock.now_us() + span_us
        while self.clock.now_us() < until_us:
            self.clock.set(min(until_us, self.clock.now_us() + 5 * SECOND_US))
            self.run()
            self.deliver()

    # the deliver role

    def deliver(self) -> None:
        """Hand over everything that is due, with `answers` in turn, then yes."""
        sender = Sender(
            from_name=self.config.mail.from_name,
            from_address=self.config.mail.from_address,
            public_url=self.config.public_url,
            shop_url=SHOP,
            postal_address=self.config.mail.postal_address,
        )
        for due in self.ledger.due(self.clock.now_us(), 100):
            state, reply = self.answers.pop(0) if self.answers else ENDS[0]
            self._hand_over(due.intent, sender, state, reply)
            self.handed_over.append(due.intent.message_id)

    def _hand_over(self, intent: SendIntent, sender: Sender, state: str, reply: str) -> None:
        source = (self.config.workspace / "templates" / f"{intent.template}.mjml").read_bytes()
        template = compile_template(intent.template, source.decode())
        items = [_recommended(number, intent) for number in range(3)]
        mail = render_message(template, intent, items, tokens=Tokens(b"k" * 32), sender=sender)
        self.ledger.keep(template.version, source)
        self.ledger.keep(sender.version, sender.encoded())
        frozen = Frozen(
            template_version=template.version,
            sender_version=sender.version,
            subject=mail.subject,
            items=items,
            links=mail.links,
            digest=mail.digest,
        )
        started_us = self.clock.now_us()
        if self.ledger.begin_attempt(intent.message_id, started_us, frozen) is not None:
            return  # she withdrew meanwhile
        self.clock.advance(38_000)
        if state == DeliveryState.ACCEPTED:
            self.inbox.add(
                sender=mail.sender, recipients=[mail.recipient], raw=mail.mime, received_us=self.clock.now_us()
            )
        reason = {"refused": "mailbox_unknown", "in_doubt": "connection lost before the answer"}.get(state, "")
        self.ledger.finish(intent.message_id, state, now_us=self.clock.now_us(), reply=reply, reason=reason)

    def note_layouts(self) -> None:
        """What the process role keeps of the layouts that states follow."""
        layout = self._layout
        self._state.set_meta("layouts", json.dumps({layout.layout_id: layout.keys()}).encode())

    def close(self) -> None:
        self.log.close()
        self.ledger.close()
        self.inbox.close()
        self._projector.close()
        self._state.close()


def _recommended(number: int, intent: SendIntent) -> Recommendation:
    item_id, name, price = [good for good in GOODS if good[0] not in intent.seeds][number]
    return Recommendation(
        item_id=item_id,
        name=name,
        price=price,
        url=f"{SHOP}/product/{item_id}",
        image=f"{SHOP}/image/{item_id}.svg",
        reason=f"bought with {(intent.seeds or ['85123A'])[0]} in {112 - 17 * number} of 1,893 orders",
        score=9.0 - number,
    )


def product(number: int, quantity: int = 1) -> dict[str, Any]:
    """Properties of a product event."""
    item_id, name, price = GOODS[number % len(GOODS)]
    links = {"url": f"{SHOP}/product/{item_id}", "image_url": f"{SHOP}/image/{item_id}.svg"}
    return {"product_id": item_id, "name": name, "price": price, "quantity": quantity, "currency": "GBP", **links}


def visitor(number: int) -> dict[str, str]:
    """A browser that has not signed in."""
    return {"anonymousId": f"anon-{number:04}-7c1e-4f"}


def customer(name: str) -> dict[str, str]:
    """A person whom the shop knows."""
    return {"userId": f"demo-{name.split(maxsplit=1)[0].lower()}@example.com"}


def busy(folder: Path, now_us: int = NOW_US) -> World:
    """A shop with history, and an hour of visits whose every end is different."""
    world = World(folder, now_us - 2 * HOUR_US)
    chance = random.Random(7)
    _history(world, chance)
    _rejects(world)
    world.run()
    world.clock.set(now_us - HOUR_US)
    world.answers = list(ENDS)
    for number, name in enumerate(PEOPLE[:12]):
        _visit(world, number, name, consent=number % 5 != 3)
        world.wait(chance.randrange(20, 90) * SECOND_US)
    world.wait(6 * MINUTE_US)
    _answers(world, world.handed_over)
    for number, name in enumerate(PEOPLE[:3]):
        world.track(customer(name), "Product Added", **product(number + 3))
    world.wait(6 * MINUTE_US)
    for number, name in enumerate(PEOPLE[:2]):
        world.track(customer(name), "Product Added", **product(number + 5))
    world.wait(now_us - 150 * SECOND_US - world.clock.now_us())
    for number, name in enumerate(PEOPLE[4:8]):
        world.track(customer(name), "Product Added", **product(number + 2))
        world.wait(SECOND_US)
    world.wait(now_us - 30 * SECOND_US - world.clock.now_us())
    _browsing(world, chance)
    world.run()
    return world


def _history(world: World, chance: random.Random) -> None:
    now_us = world.clock.now_us()
    for number, name in enumerate(PEOPLE):
        who = {"userId": f"{17_800 + number}"} if number > 11 else customer(name)
        for order in range(chance.randrange(1, 8)):
            at_us = now_us - chance.randrange(1, 200) * DAY_US
            for line in range(chance.randrange(1, 4)):
                said = product(chance.randrange(8), chance.randrange(1, 40))
                said |= {
                    "order_id": f"5{number}{order}",
                    "revenue": said["price"] * said["quantity"],
                    "country": "France",
                }
                event = {"event": "Product Purchased", "properties": said}
                world.tell("track", who, source="online_retail", flags=BACKFILL, at_us=at_us + line, **event)
    world.raw(
        b'{"messageId": "m1", "type": "track", "event": "Product Purchased", "userId": "1"}', source="online_retail"
    )


def _rejects(world: World) -> None:
    for number in range(3):
        world.raw(json.dumps({"type": "track", "event": "Product Viewed", "properties": {"n": number}}).encode())
    world.raw(b'{"type": "track", "event": "Broken", "userId": "u1"')
    world.raw(json.dumps({"type": "buy", "userId": "u2"}).encode(), source="app")
    world.raw(
        json.dumps({"type": "track", "userId": "u3", "event": "Late", "timestamp": "yesterday"}).encode(), source="app"
    )
    line = b"536414,22139,,56,2010-12-01 11:52:00,0,,United Kingdom"
    world.raw(line, source="online_retail", flags=REFUSED, reason="missing_customer: the line names no customer")


def _visit(world: World, number: int, name: str, *, consent: bool) -> None:
    browser, who = visitor(number), customer(name)
    first, email = name.split(maxsplit=1)[0], f"{name.split(maxsplit=1)[0].lower()}@example.com"
    world.tell("page", browser, name="Home", properties={"path": "/", "title": "Home"})
    for offset in range(3):
        world.track(browser, "Product Viewed", **product(number + offset))
        world.clock.advance(3 * SECOND_US)
    world.track(browser, "Product Added", **product(number, 2))
    if number % 4 == 1:
        world.track(browser, "Product Added", **product(number + 2))
    world.tell(
        "identify", {**browser, **who}, traits={"email": email, "first_name": first, "last_name": name.split()[1]}
    )
    world.track({**browser, **who}, "Signed In", method="form")
    if consent:
        said = {"purpose": "marketing", "method": "checkbox", "wording": WORDING}
        world.track({**browser, **who}, "Consent Given", **said)
    if number % 4 == 2:
        world.clock.advance(30 * SECOND_US)
        world.track(who, "Order Completed", order_id=f"M-10{number}", revenue=25.5, currency="GBP", products=[])


def _answers(world: World, sent: list[str]) -> None:
    for message_id, names in zip(sent, (("Email Opened", "Email Link Clicked"), ("Email Opened",)), strict=False):
        row = world.ledger.message(message_id)
        assert row is not None
        for name in names:
            world.clock.advance(20 * SECOND_US)
            said = {"message_id": message_id, "journey": row.journey, "machine": False, "url": f"{SHOP}/cart"}
            body = {"type": "track", "event": name, "messageId": f"{name}-{message_id}", "properties": said}
            body |= {"context": {"profile_id": row.profile_id}}
            world.raw(json.dumps(body).encode(), source="tidings")
    row = world.ledger.message(sent[1])
    assert row is not None
    bounce = deliveries.of_verdict(row, Verdict(kind="soft", reason="mailbox_full", recipient=row.address, code="552"))
    assert bounce is not None
    world.raw(bounce, source="tidings")


def _browsing(world: World, chance: random.Random) -> None:
    for number in range(20, 26):
        world.tell("page", visitor(number), name="Home", properties={"path": "/"})
        for _ in range(chance.randrange(1, 5)):
            world.clock.advance(SECOND_US)
            world.track(visitor(number), "Product Viewed", **product(chance.randrange(8)))


PAYLOADS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "\"'><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "</pre></script><script>window.pwned=1</script>",
    "{{ 7*7 }}{% raw %}${7*7}",
)


def hostile(folder: Path, now_us: int = NOW_US) -> World:
    """Markup and script in every field that somebody outside can fill."""
    world = World(folder, now_us - HOUR_US)
    for number, payload in enumerate(PAYLOADS):
        browser = {"anonymousId": f"{payload}{number}"}
        who = {"userId": f"{payload}-u{number}"}
        source = payload[:60]
        world.tell("page", browser, name=payload, properties={payload: payload, "title": payload, "path": payload})
        world.track(browser, payload, name=payload, url=payload, **{payload: payload})
        cart = {**product(number), "name": payload, "url": payload, "image_url": payload}
        world.track(browser, "Product Added", **cart)
        traits = {"email": f"mail{number}@example.com", "first_name": payload, "name": payload, payload: [payload]}
        world.tell("identify", {**browser, **who}, source=source, traits=traits)
        if number != 1:
            consent = {"purpose": "marketing", "method": payload, "wording": payload}
            world.track({**browser, **who}, "Consent Given", **consent)
        world.raw(payload.encode(), source=source, flags=REFUSED, reason=f"{payload}: {payload}")
        world.raw(json.dumps({"type": payload, "userId": payload, "event": payload}).encode(), source=source)
        world.raw(b'{"type": "track", "userId": "x", "event": "' + payload.encode(), source=source)
        mail = f"From: {payload} <a@b.example>\r\nTo: {payload}\r\nSubject: {payload}\r\nMessage-ID: {payload}\r\n"
        mail += f"List-Unsubscribe: {payload}\r\nContent-Type: text/html\r\n\r\n<html><head></head><body>{payload}"
        mail += f'<a href="{payload}">link</a><iframe src="{payload}"></iframe><form action="/"></form></body></html>'
        world.inbox.add(
            sender=payload, recipients=[payload], raw=mail.encode(), received_us=now_us - (20 - number) * MINUTE_US
        )
    world.answers = [(DeliveryState.ACCEPTED, PAYLOADS[0]), (DeliveryState.REFUSED, PAYLOADS[1])]
    world.wait(6 * MINUTE_US)
    _answers(world, world.handed_over)
    world.run()
    return world
