"""`tidings dry-run`: a journey tried as a real person, its mails written to files or sent to one's own address."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tidings import workspace
from tidings.clock import SystemClock, format_duration, iso
from tidings.config import Config
from tidings.console import dry_run
from tidings.console.dry_run import Mail, Taken, Trial
from tidings.console.store import Store
from tidings.decide.eligibility import addresses_of
from tidings.deliver.base import Handover, Result
from tidings.deliver.ledger import Ledger
from tidings.deliver.transports import transport_of
from tidings.domain.profile import ProfileState
from tidings.errors import InputError, Permanent
from tidings.hosts import asof
from tidings.hosts.why_not import journey_of, person_now
from tidings.render.headers import sendable
from tidings.render.mail import Rendered
from tidings.render.template import load_templates
from tidings.versions.shelf import Versions
from tidings.workspace import Definitions


class NotSent(Permanent):
    """The mail server did not take a mail that was tried."""


def trial(config: Config, journey: str, who: str, *, to: str = "", step: str = "", folder: Path | None = None) -> Trial:
    """Try a journey as somebody; with a `folder`, as its definitions would do it. Raises InputError."""
    files = folder or Versions(config.data).current(config.workspace)
    definitions = workspace.load(files, kept=folder is None)
    found, profile_id = journey_of(definitions, journey), asof.find(config, who)
    state = _state(config, definitions, profile_id, live=folder is None)
    if to:
        _check(config, to, state)
    now_us = SystemClock().now_us()
    kit = dry_run.kit(config, load_templates(files / "templates"), to or dry_run.NOBODY)
    with Store(config, SystemClock()) as store:
        return dry_run.trial(store, definitions, found, state, now_us, kit, step)


def _state(config: Config, definitions: Definitions, profile_id: str, *, live: bool) -> ProfileState:
    """Her state in the memories of these definitions: the live one, or folded from her events in the lake."""
    found = person_now(config, definitions, profile_id) if live else None
    if found is not None:
        return found
    state = asof.state_of(config, definitions, profile_id, asof.asked("", ""))
    stands = [one for one in definitions.segments.all() if one.rule.judge(state, state.last_us).holds]
    state.segments = {one.name: state.last_us for one in stands}
    return state


def _check(config: Config, to: str, state: ProfileState) -> None:
    """Raises InputError for an address to which no trial may go: hers, or one to which nothing may be sent at all."""
    if sendable(to) != to:
        msg = f"--to: got {to!r}, wanted a plain address such as me@shop.example"
        raise InputError(msg)
    if to.lower() in addresses_of(state):
        msg = f"--to: {to} is the address of {state.profile_id}; a trial goes to your own address, never to hers"
        raise InputError(msg)
    ledger = Ledger(config.data / "ledger.db")
    try:
        barred = [one.reason for one in ledger.suppressions(to) if one.category == "*"]
    finally:
        ledger.close()
    if barred:
        msg = f"--to: nothing may be sent to {to} any more ({barred[0]}); use another address"
        raise InputError(msg)


def write(tried: Trial, folder: Path) -> list[Path]:
    """Write the mails as .eml files; which ones."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for mail in tried.mails:
        if mail.rendered is not None:
            written.append(folder / f"{tried.journey}-{mail.step}.eml")
            written[-1].write_bytes(mail.rendered.mime)
    return written


def send(config: Config, tried: Trial) -> list[str]:
    """Hand the mails over, one after the other; the server's answers. Raises NotSent at the first that it does not take."""
    return asyncio.run(_send(config, [mail.rendered for mail in tried.mails if mail.rendered is not None]))


async def _send(config: Config, mails: list[Rendered]) -> list[str]:
    transport = transport_of(config, SystemClock())
    answers = []
    try:
        for mail in mails:
            handed = Handover(message_id=mail.message_id, sender=mail.sender, recipient=mail.recipient, data=mail.mime)
            outcome = await transport.hand_over(handed, lambda: True)
            if outcome.result is not Result.ACCEPTED:
                msg = f"mail server {config.mail.smtp_host}:{config.mail.smtp_port}: {outcome.result.value}: {outcome.reply}"
                raise NotSent(msg)
            answers.append(outcome.reply)
    finally:
        await transport.close()
    return answers


def lines(tried: Trial) -> list[str]:
    """For people: the way, then each mail."""
    head = f"Journey {tried.journey} {tried.version} as {tried.profile_id}, beginning {iso(tried.at_us)} with {tried.began}"
    found = [head, "If nothing else happens:"]
    found += [line for one in tried.way for line in _step(one, tried.at_us)]
    found.append(f"  ends: {tried.end}")
    return [*found, *(line for mail in tried.mails for line in _mail(mail, tried.at_us))]


def _step(one: Taken, from_us: int) -> list[str]:
    goes = f" -> {one.goto}" if one.goto else ""
    others = [f"      or {label or 'else'} -> {target}" for label, target in one.others]
    return [f"  {_after(one.at_us - from_us):>8}  {one.step}: {one.outcome}{goes}", *(others if one.goto else [])]


def _after(span_us: int) -> str:
    return f"+{format_duration(span_us)}" if span_us else "now"


def _mail(mail: Mail, from_us: int) -> list[str]:
    way = f"{_after(mail.at_us - from_us)}" if mail.on_way else "not on this way"
    would = f"would not be sent: {mail.reason}" if mail.reason else "would be sent"
    found = ["", f"Mail of step {mail.step} ({way}): {mail.template}, {mail.category}, {would}"]
    if mail.rendered is None:
        return [*found, f"  cannot be made: {mail.problem}"]
    text = [f"  | {line}" for line in mail.rendered.text.splitlines()]
    return [*found, f"  Subject: {mail.rendered.subject}", *text]


def said(tried: Trial) -> dict[str, Any]:
    """The same as plain data."""
    mails = [
        {
            **{name: getattr(mail, name) for name in ("step", "template", "category", "on_way", "reason", "problem")},
            "at": iso(mail.at_us),
            "subject": mail.rendered.subject if mail.rendered is not None else "",
            "text": mail.rendered.text if mail.rendered is not None else "",
        }
        for mail in tried.mails
    ]
    way = [
        {"step": one.step, "at": iso(one.at_us), "outcome": one.outcome, "goto": one.goto, "others": one.others}
        for one in tried.way
    ]
    names = ("profile_id", "journey", "version", "began", "end")
    return {**{name: getattr(tried, name) for name in names}, "at": iso(tried.at_us), "way": way, "mails": mails}
