"""Where the mail of a domain is taken: its mail servers, by the name service, and the site they belong to.

Mailbox providers count by who runs the servers and not by the domain of an address: a thousand companies' domains whose mail
Google takes are one site, ``google.com``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
import msgspec

from tidings.deliver.base import Outcome, Result
from tidings.errors import InputError

KEEP_S = 900.0
"""A found site is good for so long."""
MAX_SITES = 50_000
"""Domains remembered."""
MAX_HOSTS = 6
"""Servers of one domain that are tried."""
LOOK_UP_S = 10.0
"""How long to wait for the name service."""

_COUNTRY_CHARS = 2
_NATIONAL = frozenset("ac co com edu gen gob gov gv id ltd me mil ne net nhs nom or org plc sch web".split())  # noqa: SIM905
"""Second labels that registries of countries keep to themselves: co.uk, com.au, or.at."""


class NoSite(Exception):
    """There is nobody to hand a message for this domain to; what that means for it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reply)
        self.outcome = outcome


class Site(msgspec.Struct, frozen=True):
    """Who takes the mail of a domain."""

    name: str
    """What its servers have in common, such as ``google.com``."""
    hosts: tuple[str, ...]
    """Its servers, in the order to try them."""


class Names(Protocol):
    """The name service."""

    async def mail_hosts(self, domain: str) -> list[tuple[int, str]] | None:
        """(preference, host) of its MX records; empty when it has none, None when there is no such domain. OSError: no answer."""
        ...


class SystemNames:
    """As the system is configured to ask it."""

    def __init__(self) -> None:
        try:
            self._resolver = dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration as error:
            msg = "mail.smtp_host: direct delivery needs a name service, and /etc/resolv.conf names none"
            raise InputError(msg) from error

    async def mail_hosts(self, domain: str) -> list[tuple[int, str]] | None:
        """See `Names.mail_hosts`."""
        try:
            answer = await self._resolver.resolve(domain, "MX", lifetime=LOOK_UP_S)
        except dns.resolver.NXDOMAIN:
            return None
        except dns.resolver.NoAnswer:
            return []
        except dns.exception.DNSException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        return [(record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer]


class MemoryNames:
    """A name service in memory, for tests and dry runs."""

    def __init__(self, domains: Mapping[str, list[tuple[int, str]] | None], *, silent: bool = False) -> None:
        """MX records by domain, None for one that does not exist; a `silent` one answers nothing."""
        self.asked: list[str] = []
        """Domains it was asked for."""
        self._domains, self._silent = domains, silent

    async def mail_hosts(self, domain: str) -> list[tuple[int, str]] | None:
        """See `Names.mail_hosts`."""
        self.asked.append(domain)
        await asyncio.sleep(0)
        if self._silent:
            raise OSError("no answer")
        return self._domains.get(domain)


class Sites:
    """Sites of domains, remembered for a while; the same question is asked once at a time."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._found: dict[str, tuple[float, asyncio.Task[Site]]] = {}

    async def of(self, recipient: str) -> Site:
        """The site of an address. Raises NoSite."""
        domain = recipient.rpartition("@")[2].lower()
        now_s = asyncio.get_running_loop().time()
        ends_s, found = self._found.get(domain, (0.0, None))
        if found is None or now_s >= ends_s:
            if len(self._found) >= MAX_SITES:
                self._found.clear()
            found = asyncio.ensure_future(self._look_up(domain))
            self._found[domain] = now_s + KEEP_S, found
        try:
            return await asyncio.shield(found)
        except NoSite:
            self._found.pop(domain, None)
            raise

    async def _look_up(self, domain: str) -> Site:
        try:
            records = await self._names.mail_hosts(domain)
        except OSError as error:
            raise NoSite(Outcome(Result.LATER, f"451 4.4.3 no answer about {domain}: {error}", 451, "4.4.3")) from error
        if records is None:
            raise NoSite(Outcome(Result.REFUSED, f"550 5.1.2 there is no domain {domain}", 550, "5.1.2"))
        hosts = tuple(host.lower() for _, host in sorted(records))[:MAX_HOSTS]
        if hosts and not any(host.strip(".") for host in hosts):  # RFC 7505
            raise NoSite(Outcome(Result.REFUSED, f"556 5.1.10 {domain} takes no mail", 556, "5.1.10"))
        hosts = hosts or (domain,)  # RFC 5321, 5.1: without MX records the domain itself is the server
        return Site(site_name(hosts), hosts)


def site_name(hosts: Sequence[str]) -> str:
    """What counts as one: the domain that the first server's name belongs to."""
    labels = hosts[0].rstrip(".").split(".")
    national = len(labels) > 2 and len(labels[-1]) == _COUNTRY_CHARS and labels[-2] in _NATIONAL
    return ".".join(labels[-3:] if national else labels[-2:])
