"""Several ways out: by message category, by weight, and over to another one when one is not there.

The choice is a hash of the message id, so it is the same on every retry. A message goes over to another way only while nothing of it has
left: what may have been taken by one service is never offered to another.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Sequence

import msgspec

from tidings.clock import MINUTE_US, SECOND_US, Clock
from tidings.deliver.base import Capabilities, Handover, Outcome, Permit, Result, Transport
from tidings.errors import InputError
from tidings.ids import draw

OPENS_AFTER = 3
"""A way that could not be reached so many times in a row is left aside for a while."""
MIN_ASIDE_US = 30 * SECOND_US
MAX_ASIDE_US = 10 * MINUTE_US


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One way out."""

    name: str
    transport: Transport
    weight: int = 1
    """Share of the messages among ways of the same standing."""
    categories: frozenset[str] = frozenset()
    """Message categories that go this way and no other; empty: whatever has no way of its own."""
    backup: bool = False
    """Used only when the others cannot be reached."""


class _Health(msgspec.Struct):
    """How a way has fared."""

    failures: int = 0
    aside_until_us: int = 0


class RoutedTransport:
    """Hands over by the first way of a message that is there."""

    def __init__(self, routes: Sequence[Route], clock: Clock) -> None:
        """Raises InputError without a route that is no backup."""
        if not any(not route.backup for route in routes):
            raise InputError("mail.routes: every route is a backup; at least one must be none")
        self._routes, self._clock = tuple(routes), clock
        self._health = {route.name: _Health() for route in routes}
        self._capabilities = self._together()

    @property
    def capabilities(self) -> Capabilities:
        """See `Transport.capabilities`."""
        return self._capabilities

    def _together(self) -> Capabilities:
        """What all can do. Asking again is safe only where a message can have gone but one way."""
        each = [route.transport.capabilities for route in self._routes]
        alone = all(len(self._eligible(category)) == 1 for category in self._categories())
        window_s = min(one.idempotent_s for one in each) if alone else 0
        return Capabilities(
            name="routes",
            connections=sum(one.connections for one in each),
            idempotent=window_s > 0,
            idempotent_s=window_s,
            awaits_permit=all(one.awaits_permit for one in each),
        )

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """See `Transport.hand_over`."""
        last = Outcome(Result.UNREACHABLE, f"no route takes category {mail.category!r}")
        for route in self.order(mail):
            once = _Once(permit)
            last = await route.transport.hand_over(mail, once)
            last = msgspec.structs.replace(last, reply=f"{last.reply} (route {route.name})".lstrip())
            self._note(route, reached=last.result is not Result.UNREACHABLE)
            if last.result is not Result.UNREACHABLE or once.asked:
                return last
        return last

    async def close(self) -> None:
        """See `Transport.close`."""
        for route in self._routes:
            await route.transport.close()

    def order(self, mail: Handover) -> list[Route]:
        """The ways of a message, the first choice first; those left aside come last rather than never."""
        ordered = sorted(self._eligible(mail.category), key=lambda route: (route.backup, _rank(route, mail.message_id)))
        now_us = self._clock.now_us()
        return sorted(ordered, key=lambda route: self._health[route.name].aside_until_us > now_us)

    def _eligible(self, category: str) -> list[Route]:
        own = [route for route in self._routes if category in route.categories]
        return own or [route for route in self._routes if not route.categories]

    def _categories(self) -> set[str]:
        return {"", *(category for route in self._routes for category in route.categories)}

    def _note(self, route: Route, *, reached: bool) -> None:
        health = self._health[route.name]
        if reached:
            health.failures = health.aside_until_us = 0
            return
        health.failures += 1
        if health.failures >= OPENS_AFTER:
            aside_us = min(MIN_ASIDE_US << min(health.failures - OPENS_AFTER, 10), MAX_ASIDE_US)
            health.aside_until_us = self._clock.now_us() + aside_us


class _Once:
    """A permission that knows whether it was asked."""

    def __init__(self, permit: Permit) -> None:
        self._permit = permit
        self.asked = False

    def __call__(self) -> bool | Awaitable[bool]:
        self.asked = True
        return self._permit()


def _rank(route: Route, message_id: str) -> float:
    """Weighted rendezvous hashing: the smallest wins, each route its share by weight; adding one moves only what it takes
    (Schindelhauer and Schomaker 2005)."""
    chance = draw("route", route.name, message_id)
    return -math.log(max(chance, 1e-18)) / route.weight
