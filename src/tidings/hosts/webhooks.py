"""What the doctor says of webhooks: whether each can be signed and reached, and how it does."""

from __future__ import annotations

from collections.abc import Iterator

from tidings.clock import iso
from tidings.config import Config
from tidings.deliver import reach, signing
from tidings.deliver.calls import FILE as CALLS
from tidings.deliver.calls import Calls, HookState
from tidings.errors import TidingsError
from tidings.hosts.finding import Finding
from tidings.located import DefinitionFiles
from tidings.process import webhooks as hooks
from tidings.versions.shelf import Versions

MANY = 3
"""Tries that went wrong one after the other, from which on a webhook counts as broken."""


def webhooks(config: Config) -> Iterator[Finding]:
    """A finding for each webhook of the definitions that run."""
    try:
        files = DefinitionFiles(Versions(config.data).current(config.workspace))
        known = hooks.parse(files.mapping(hooks.FILE)) if files.folder.is_dir() else {}
        reach.networks(config.webhooks.private_networks)
    except TidingsError as error:
        yield Finding("wrong", f"webhooks: {error}")
        return
    states, queued = _states(config) if known else ({}, {})
    for name in known:
        try:
            signing.load(config.data, name)
        except TidingsError as error:
            yield Finding("wrong", f"webhook {name}: {error}")
            continue
        yield _finding(name, states.get(name), queued.get(name, 0))


def _states(config: Config) -> tuple[dict[str, HookState], dict[str, int]]:
    if not (config.data / CALLS).exists():
        return {}, {}
    calls = Calls(config.data / CALLS)
    try:
        return {one.hook: one for one in calls.hooks()}, calls.queued()
    finally:
        calls.close()


def _finding(name: str, state: HookState | None, queued: int) -> Finding:
    if state is None:
        return Finding("ok", f"webhook {name}: not called yet" + (f", {queued:,} queued" if queued else ""))
    words = f"webhook {name}: {state.ok:,} ok, {state.failed:,} failed, {queued:,} queued"
    if not state.in_a_row:
        return Finding("ok", words)
    level = "wrong" if state.in_a_row >= MANY else "note"
    return Finding(
        level, f"{words}; the last {state.in_a_row:,} tries went wrong, at {iso(state.at_us)}: {state.error}"
    )
