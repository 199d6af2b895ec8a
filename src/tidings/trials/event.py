"""event: she does something. ``{event: Product Added, properties: {product_id: P1}, device: phone, anonymous: true, late: 1h}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.domain import schema
from tidings.errors import DefinitionError
from tidings.trials.base import Act, ActBase, When, World, name_of, span

ABOUT: dict[str, schema.Schema] = {
    "device": {"description": "Her device, as an anonymous id.", **schema.NAME},
    "anonymous": {"description": "Whether she is not signed in; needs a device.", **schema.FLAG},
    "late": {"description": "It happened so long before it comes in.", **schema.SPAN},
}
SCHEMA = {"description": "The event that she does.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {"properties": {"type": "object"}, **ABOUT}


class Does(ActBase, frozen=True):
    """An event of hers."""

    body: Mapping[str, Any]
    device: str = ""
    known: bool = True
    late_us: int = 0

    def play(self, world: World) -> str:
        world.call(self.when.who, self.body, device=self.device, known=self.known, late_us=self.late_us)
        return ""


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    body = {"type": "track", "event": name_of(raw, f"{where}.event", "the event's name")}
    return of_body(
        {**body, "properties": mapping(beside.get("properties", {}), f"{where}.properties")}, beside, when, where
    )


def of_body(body: Mapping[str, Any], beside: Mapping[str, Any], when: When, where: str) -> Act:
    """A call with this body, and what may stand beside any call."""
    device, known = str(beside.get("device", "")), not beside.get("anonymous", False)
    if not known and not device:
        raise DefinitionError(where, "somebody who is not signed in needs a `device`")
    late_us = span(beside["late"], f"{where}.late") if "late" in beside else 0
    return Does(when, body, device=device, known=known, late_us=late_us)


def mapping(raw: Any, where: str) -> Mapping[str, Any]:
    """Names with values. Raises DefinitionError."""
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs names with their values", got=raw)
    return raw
