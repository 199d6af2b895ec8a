"""SMTP without a relay: each message goes to a server of its recipient's domain, on connections that are kept by server.

A domain's servers are public machines or none: whoever signs up with an address of a domain of his own must not make us talk
to machines inside.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import msgspec

from tidings.deliver import reach
from tidings.deliver.base import Capabilities, Handover, Outcome, Permit, Result
from tidings.deliver.dkim import Signer
from tidings.deliver.mx import NoSite, Sites
from tidings.deliver.smtp import PATIENT, Relay, SmtpTransport
from tidings.deliver.smtp_reply import one_line
from tidings.deliver.smtp_session import Timeouts

MAX_SERVERS = 500
"""Servers with connections to them; those used longest ago make room."""
PER_SERVER = 10
"""Connections to one server at most; shaping by site may ask for fewer."""


class DirectTransport:
    """Hands over to the servers of the recipients' domains."""

    def __init__(
        self,
        sites: Sites,
        like: Relay,
        *,
        connections: int = 20,
        timeouts: Timeouts = PATIENT,
        signer: Signer | None = None,
        private: reach.Networks = (),
    ) -> None:
        """Every server is talked to as `like` says, at its port; `private` networks may be reached besides public ones."""
        self.sites = sites
        """Who takes whose mail."""
        self._like, self._timeouts, self._signer = like, timeouts, signer
        self._connections, self._private = connections, private
        self._room = asyncio.Semaphore(connections)
        self._servers: OrderedDict[str, SmtpTransport] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def capabilities(self) -> Capabilities:
        """See `Transport.capabilities`."""
        return Capabilities(name="smtp-direct", connections=self._connections, idempotent=False, awaits_permit=True)

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """See `Transport.hand_over`. A site that cannot be reached is no reason for others to wait: the message goes later."""
        async with self._room:
            try:
                site = await self.sites.of(mail.recipient)
            except NoSite as error:
                return error.outcome
            trouble = ""
            for host in site.hosts:
                outcome = await self._at_host(host, mail, permit)
                if outcome.result is not Result.UNREACHABLE:
                    return outcome
                trouble = trouble or f"{host}: {outcome.reply}"
        return Outcome(Result.LATER, one_line(f"451 4.4.1 {trouble}"), code=451, enhanced="4.4.1")

    async def close(self) -> None:
        """See `Transport.close`."""
        while self._servers:
            self._retire()
        await asyncio.gather(*self._closing)

    async def _at_host(self, host: str, mail: Handover, permit: Permit) -> Outcome:
        outcome = Outcome(Result.UNREACHABLE, "no address")
        try:
            addresses = await reach.find(host, self._like.port, secure=True, allowed=self._private)
        except (reach.RefusedAddress, OSError) as error:
            return Outcome(Result.UNREACHABLE, one_line(str(error)))
        for address in addresses:
            outcome = await self._server(host, address).hand_over(mail, permit)
            if outcome.result is not Result.UNREACHABLE:
                break
        return outcome

    def _server(self, host: str, address: str) -> SmtpTransport:
        if address not in self._servers:
            if len(self._servers) >= MAX_SERVERS:
                self._retire()
            relay = msgspec.structs.replace(self._like, host=address, certified=host)
            self._servers[address] = SmtpTransport(
                relay, connections=min(PER_SERVER, self._connections), timeouts=self._timeouts, signer=self._signer
            )
        self._servers.move_to_end(address)
        return self._servers[address]

    def _retire(self) -> None:
        _, server = self._servers.popitem(last=False)
        task = asyncio.ensure_future(server.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
