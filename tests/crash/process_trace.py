"""What happens to a few people, as records, and what the core makes of it without any crash."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tidings.clock import SECOND_US
from tidings.domain.record import LogRecord
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink
from tidings.log.base import Log
from tidings.pipeline import Pipeline
from tidings.state.memory import MemoryState
from tidings.testing.histories import call
from tidings.workspace import Definitions

NAMES = ["Product Viewed", "Product Added", "Product Added", "Product Removed", "Order Completed", "Consent Given"]


def records(count: int, people: int, start_us: int, seed: int) -> list[LogRecord]:
    """Visits, sign-ins, carts, orders, consent, copies and nonsense; a second apart."""
    rng = random.Random(seed)
    made: list[LogRecord] = []
    for n in range(count):
        kind = rng.random()
        if kind < 0.05:
            made.append(LogRecord("web", "", 0, b"not json"))
        elif kind < 0.15 and made:
            made.append(rng.choice(made))
        else:
            made.append(_one(rng, n, rng.randrange(people), start_us + n * SECOND_US))
    return made


def _one(rng: random.Random, n: int, person: int, at_us: int) -> LogRecord:
    user, device = f"u{person}", f"d{person}"
    if rng.random() < 0.25:
        return call("identify", f"e{n}", at_us, user=user, anonymous=device, traits={"email": f"{user}@x.example"})
    who = rng.choice([{"user": user}, {"anonymous": device}, {"user": user, "anonymous": device}])
    name = rng.choice(NAMES)
    properties: dict[str, Any] = {"product_id": rng.choice("pqr"), "price": 9.5, "revenue": 12.25}
    if name == "Consent Given":
        properties = {"purpose": "marketing", "method": "checkbox"}
    return call("track", f"e{n}", at_us, event=name, properties=properties, **who)


def uncrashed(definitions: Definitions, log: Log, until_us: int) -> tuple[MemorySink, MemoryState]:
    """The same log, processed in one go in memory."""
    sink, state = MemorySink(), MemoryState()
    driver = Driver(Pipeline(definitions), log, state, sink)
    while driver.run_batch():
        pass
    while driver.fire(until_us):
        pass
    return sink, state


def load_short(folder: Path, source: Path) -> None:
    """A copy of a workspace whose carts wait a third of a second."""
    for path in source.rglob("*.yml"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        for wait in ("timeout: 30m", "wait: 6h", "wait: 1h", "timeout: 12h"):
            text = text.replace(wait, f"{wait.split(':')[0]}: 300ms")
        target.write_text(text, "utf-8")
