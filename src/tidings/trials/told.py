"""What there is instead of what was expected, in a line."""

from __future__ import annotations

from tidings.clock import SECOND_US, format_duration
from tidings.domain.message import SendIntent
from tidings.trials.base import World


def told(world: World, who: str) -> str:
    """Her messages, her runs and how the others ended."""
    messages = [_message(world, one) for one in world.messages(who)]
    runs = [f"waits at {run.step} of {run.journey}" for run in world.runs(who)]
    ended = [f"{one.journey} ended: {one.outcome}" for one in world.ended(who)]
    parts = [f"messages so far: {', '.join(messages) or 'none'}", *runs, *ended[-3:]]
    return "; ".join(parts)


def _message(world: World, one: SendIntent) -> str:
    after = max(0, one.decided_us - world.start_us) // SECOND_US * SECOND_US
    known = ", expected" if world.expected(one.message_id) else ""
    return f"{one.template} at {format_duration(after)} ({one.suppressed or 'sent'}{known})"
