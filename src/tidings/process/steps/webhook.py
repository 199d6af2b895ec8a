"""webhook: calls a webhook of webhooks.yml and waits for its answer, which comes back as the event `Webhook Answered`.

``webhook: {name: crm_score, body: {email: {trait: email}}, timeout: 1h}``. The result is ``ok`` (a 2xx), ``failed`` or ``timeout``; what it
answered is there for later branches, values and templates. Whatever happens outside, the run goes on at the time-out.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.clock import format_duration, parse_duration
from tidings.domain import feedback, schema
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState, Run
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import DefinitionError
from tidings.ids import ask_id
from tidings.process.outside import CALL
from tidings.process.steps import filled
from tidings.process.steps.asking import TIMEOUT, put_off
from tidings.process.steps.base import Ask, Move, Step, StepBase, text
from tidings.process.steps.filled import Filled
from tidings.rules.base import Traits

OK, FAILED = "ok", "failed"
"""Results, beside `TIMEOUT`."""
_TIMEOUT = "1h"
SCHEMA = schema.settings(
    {"name": schema.NAME, "body": filled.SCHEMA, "timeout": schema.SPAN, "wait": schema.FLAG}, ["name"]
)


class Webhook(StepBase, frozen=True):
    """Settings: name (in webhooks.yml), body, timeout, wait."""

    hook: str
    body: Filled
    timeout_us: int
    """0 when it does not wait for the answer."""

    def listens(self) -> tuple[str, ...]:
        return (feedback.WEBHOOK_ANSWERED,)

    def reaches_out(self) -> bool:
        return True

    def results(self) -> tuple[str, ...]:
        return (OK, FAILED, TIMEOUT) if self.timeout_us else ()

    def answers(self) -> tuple[str, ...]:
        return self.body.answers()

    def enter(self, state: ProfileState, run: Run) -> Move:
        ask = Ask(CALL, self.hook, self.body.of(state, run), self.timeout_us)
        if not self.timeout_us:
            return Move(f"calls {self.hook}", goto=self.next, ask=ask)
        return Move(f"calls {self.hook}, waits at most {format_duration(self.timeout_us)}", ask=ask)

    def on_event(self, run: Run, event: Event) -> Move | None:
        said = event.properties
        if event.source != INTERNAL_SOURCE or said.get("call_id") != ask_id(run.run_id, self.id, run.since_us):
            return None
        tries = said.get("attempts")
        if said.get("result") == OK:
            body = said.get("body")
            answer = body if isinstance(body, dict) else {"value": body}
            return Move(f"{self.hook} answered {said.get('status')}", goto=self.next, result=OK, answer=answer)
        words = f"{self.hook} failed after {tries} tries: {said.get('error')}"
        return Move(words, goto=self.next, result=FAILED)

    def on_timer(self, run: Run) -> Move:
        words = f"no answer of {self.hook} within {format_duration(self.timeout_us)}"
        return put_off(self, run) or Move(words, goto=self.next, result=TIMEOUT)

    def words(self) -> str:
        wait = f", wait at most {format_duration(self.timeout_us)}" if self.timeout_us else ""
        sent = f" with {self.body.words()}" if self.body.values else ""
        return f"Call {self.hook}{sent}{wait}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["webhook"], f"{where}.webhook"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="name, body, timeout")
    only(settings, {"name", "body", "timeout", "wait"}, path)
    waits = settings.get("wait", True)
    if not isinstance(waits, bool) or (not waits and "timeout" in settings):
        raise DefinitionError(f"{path}.wait", "is true, or false without a `timeout`", got=waits)
    body = filled.parse(settings["body"], traits, f"{path}.body") if "body" in settings else Filled({})
    timeout_us = _span(settings.get("timeout", _TIMEOUT), f"{path}.timeout") if waits else 0
    return Webhook(step_id, following, hook=text(settings, "name", path), body=body, timeout_us=timeout_us)


def _span(raw: Any, path: str) -> int:
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(path, str(error)) from error
