"""`tidings start-run`: begin a run for one person, through the same door as a shop's own system."""

from __future__ import annotations

from contextlib import closing

from tidings.config import Config
from tidings.domain.called import Call
from tidings.domain.names import nearest
from tidings.errors import InputError
from tidings.hosts import asof
from tidings.hosts.door import Door
from tidings.process.entries.call import CallEntry
from tidings.workspace import Definitions


def begin(config: Config, journey: str, call: Call) -> int:
    """Put the call into the log; its offset. Raises InputError when the journey that runs takes none, or nobody takes it."""
    check(asof.running(config), journey)
    return Door(config).begin(journey, call)


def by_address(config: Config, address: str) -> dict[str, str]:
    """``{"userId": …}`` or ``{"anonymousId": …}`` of the one person who has an address. Raises InputError when it is nobody's, or several people's."""
    profile_id = asof.find(config, address)
    with closing(asof.serving(config)) as db:
        found = dict(
            db.execute("SELECT kind, value FROM identifiers WHERE profile_id = ? ORDER BY value DESC", (profile_id,))
        )
    for kind, field in (("user_id", "userId"), ("anonymous_id", "anonymousId")):
        if kind in found:
            return {field: found[kind]}
    raise InputError(f"person {address!r}: has neither a user id nor an anonymous id by which a call could name her")


def check(definitions: Definitions, journey: str) -> None:
    """Refuse a journey that no call begins. Raises InputError."""
    found = definitions.journeys.get(journey)
    if found is None:
        near = nearest(journey, definitions.journeys)
        do = f"did you mean {near}?" if near else f"write journeys/{journey}.yml and run `tidings apply`"
        raise InputError(f"journey {journey!r}: it is not among the definitions that run; {do}")
    if not any(isinstance(entry, CallEntry) for entry in found.entries):
        ways = " or ".join(entry.words() for entry in found.entries)
        raise InputError(f"journey {journey!r}: no call begins it (its entry: {ways}); add `call: {{}}` to its `entry`")
