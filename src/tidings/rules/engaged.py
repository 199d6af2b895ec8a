"""engaged: what she did with our mails: `did` over the events that come back from them.

``engaged: {with: opened, journey: abandoned_cart, at_least: 2, within: 90d}``. Opens and clicks that a machine made (a scanner, a
proxy that fetches every picture) do not count, unless `machine: true` asks for them too.
"""

from __future__ import annotations

from typing import Any

from tidings.domain import feedback, schema
from tidings.errors import DefinitionError
from tidings.rules import did
from tidings.rules.base import Condition, Traits
from tidings.rules.form import Form, Setting

EVENTS = {
    "sent": feedback.EMAIL_SENT,
    "delivered": feedback.EMAIL_DELIVERED,
    "opened": feedback.EMAIL_OPENED,
    "clicked": feedback.EMAIL_CLICKED,
}
ABOUT = ("journey", "category", "template")
"""Properties of those events that may be asked for."""


FORM = Form(
    (
        Setting("with", schema.one_of(tuple(EVENTS)), leads=True),
        *(Setting(name) for name in ABOUT),
        Setting("machine", schema.FLAG),
        *(one for one in did.FORM.settings if one.name in ("at_least", "at_most", "exactly", "within", "since")),
    )
)
"""``engaged opened category marketing at least 2 within 90d``."""


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    settings, path = raw["engaged"], f"{where}.engaged"
    with_ = settings.get("with") if isinstance(settings, dict) else None
    if not isinstance(with_, str) or with_ not in EVENTS:
        got = with_ if isinstance(settings, dict) else settings
        raise DefinitionError(path, "needs `with`", got=got, wanted=" or ".join(EVENTS))
    how_often = {"at_least", "at_most", "exactly", "within", "since"}
    unknown = set(settings) - how_often - {"with", "journey", "category", "template", "machine"}
    if unknown:
        raise DefinitionError(path, "unknown setting", got=sorted(unknown)[0])
    machine = settings.get("machine", False)
    if not isinstance(machine, bool):
        raise DefinitionError(f"{path}.machine", "needs true or false", got=machine)
    tests: dict[str, Any] = {name: settings[name] for name in ABOUT if name in settings}
    if not machine and with_ in ("opened", "clicked"):
        tests["machine"] = {"not_equals": True}
    asked = {name: settings[name] for name in settings if name in how_often}
    return did.parse({"did": {"event": EVENTS[with_], "where": tests, **asked}}, traits, where)
