"""A journey tried as a real person: which way she would go now, and each mail with her real values. Changes nothing.

The way is walked by the production core on a copy of her state, as if nothing else happened; her values are those of this moment.
Mails are marked, carry no tracking and no token of hers, and are in no ledger: no cap counts them, nothing that is clicked in them
is hers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tidings.config import Config
from tidings.console import people
from tidings.console.store import Store
from tidings.decide import decision
from tidings.decide.decision import Asked, Later
from tidings.decide.policy import Policy
from tidings.deliver.sender import sender_of
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.message import SendIntent
from tidings.domain.output import Fact, FactKind
from tidings.domain.profile import ProfileState, Run
from tidings.errors import InputError
from tidings.ids import digest
from tidings.pipeline import REHEARSAL, Pipeline
from tidings.process import broadcast as broadcasts
from tidings.process.journey import Journey
from tidings.recommend.base import Recommendation, Recommender
from tidings.recommend.linked import Linked
from tidings.recommend.store import open_recommender
from tidings.render.mail import CannotRender, Rendered, Sender, render_message
from tidings.render.template import Template
from tidings.workspace import Definitions

NOBODY = "you@example.invalid"
"""Whom a mail is made for when it goes nowhere."""
LOOKED_AT = 50
"""Latest events of hers among which the one is looked for that begins the run."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the way."""

    step: str
    at_us: int
    outcome: str
    """What the step says."""
    goto: str
    """Where it goes on; empty when it waits."""
    others: list[tuple[str, str]]
    """(what stands on it, step) of the ways that are not gone."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail of the journey."""

    step: str
    template: str
    category: str
    on_way: bool
    """Whether her way leads there."""
    at_us: int
    """When it would be decided."""
    reason: str
    """Why it would not be sent; empty when it would."""
    rendered: Rendered | None
    problem: str = ""
    """Why it cannot be made."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A journey, as one person would go through it from now on."""

    profile_id: str
    journey: str
    version: str
    at_us: int
    began: str
    """What it is taken to begin with."""
    way: list[Taken]
    end: str
    """How it ends if nothing happens."""
    mails: list[Mail]


class Kit(msgspec.Struct, frozen=True, kw_only=True):
    """What mails are made of."""

    templates: Mapping[str, Template]
    sender: Sender
    recommender: Recommender | None
    address: str = NOBODY
    """Where they are addressed to."""


def kit(config: Config, templates: Mapping[str, Template], address: str = NOBODY) -> Kit:
    """What the configuration and these templates give. Raises InputError."""
    model = Linked(
        open_recommender(config.data / "models" / "recommend.db"),
        item_url=config.mail.item_url,
        item_image=config.mail.item_image,
    )
    return Kit(templates=templates, sender=sender_of(config), recommender=model, address=address)


class _Inert:
    """Tokens that are nobody's: whatever address they stand in does nothing."""

    def make(self, kind: str, message_id: str, index: int = 0) -> str:  # noqa: ARG002 - the port's arguments
        """See `TokenMaker.make`."""
        return "dry-run"


def trial(
    store: Store, definitions: Definitions, journey: Journey, state: ProfileState, now_us: int, kit: Kit, step: str = ""
) -> Trial:
    """Try a journey as a person whose state follows these definitions; only the mail of `step`, if one is named.

    Raises InputError when the journey has no such send step.
    """
    began = _latest(store, journey, state.profile_id)
    item = _item(journey, state, began, now_us)
    walked = Pipeline(definitions).rehearse(_copy(state), journey, item, now_us)
    facts = [one for one in walked.facts if one.subject == journey.name]
    mine = [one for one in walked.intents if isinstance(one, SendIntent) and one.journey == journey.name]
    asked = {one.step: one for one in mine}
    steps = _sends(journey, step)
    return Trial(
        profile_id=state.profile_id,
        journey=journey.name,
        version=journey.version,
        at_us=now_us,
        began=_words(journey, began),
        way=[_taken(fact, journey) for fact in facts if fact.kind == FactKind.RUN_STEP],
        end=next((one.data["outcome"] for one in facts if one.kind == FactKind.RUN_ENDED), "goes on waiting"),
        mails=[
            _mail(asked.get(one) or _asked(definitions, journey, one, state, item, now_us), kit, on_way=one in asked)
            for one in steps
        ],
    )


def _item(journey: Journey, state: ProfileState, began: Event | None, now_us: int) -> dict[str, Any]:
    """What the run keeps of what begins it."""
    if journey.broadcast is not None:
        return broadcasts.item_of(journey.broadcast, state, REHEARSAL, 0, now_us)
    return dict(began.properties) if began is not None else {}


def _words(journey: Journey, began: Event | None) -> str:
    if journey.broadcast is not None:
        return "the broadcast, as if it were started now"
    return f"{began.name} as of offset {began.offset}" if began is not None else "no event of hers: `event` is empty"


def _copy(state: ProfileState) -> ProfileState:
    return profiles.decode(profiles.encode(state))


def _latest(store: Store, journey: Journey, profile_id: str) -> Event | None:
    """The latest event of hers that begins a run; None when none is on record, or none is needed."""
    names = sorted({name for entry in journey.entries for name in entry.hears()})
    if not names:
        return None
    asked: dict[str, Any] = {"names": msgspec.json.encode(names).decode(), "known_us": 1 << 62, "limit": LOOKED_AT}
    for row in store.serving.rows("came", profile_id=profile_id, **asked):
        event = people.read_event(store, row["offset"])
        if event is not None and any(
            event.name in entry.hears() and entry.begins(event, journey.name) is not None for entry in journey.entries
        ):
            return event
    return None


def _taken(fact: Fact, journey: Journey) -> Taken:
    step, goto = str(fact.data["step"]), str(fact.data["next"])
    ways = journey.steps[step].ways() if step in journey.steps else ()
    others = [way for way in ways if way[1] != goto]
    return Taken(step=step, at_us=fact.occurred_us, outcome=str(fact.data["outcome"]), goto=goto, others=others)


def _sends(journey: Journey, step: str) -> list[str]:
    found = [one.id for one in journey.steps.values() if one.kind == "send"]
    if step and step not in found:
        msg = f"journey {journey.name}: got step {step!r}, wanted one that sends: {', '.join(found) or 'it has none'}"
        raise InputError(msg)
    return [step] if step else found


def _asked(
    definitions: Definitions, journey: Journey, step: str, state: ProfileState, item: dict[str, Any], now_us: int
) -> SendIntent:
    """The message of a step to which her way does not lead, as if a run stood there now."""
    copy = _copy(state)
    run = Run(
        run_id="", journey=journey.name, version=journey.version, step=step, entered_us=now_us, known_us=now_us,
        since_us=now_us, timer_us=0, due_us=0, ref=REHEARSAL, item=item, path=[],
    )  # fmt: skip
    draft = journey.steps[step].enter(copy, run).draft
    assert draft is not None, "a send step asks for a message"
    policy = definitions.policies[draft.category]
    free = Policy(category=policy.category, consent=policy.consent, mode=policy.mode)  # there is no turn to wait for
    made = decision.decide(copy, definitions.layout, free, Asked(run, draft, now_us, now_us, journey.priority))
    assert not isinstance(made, Later), "without limits it is decided at once"
    return made


def _mail(intent: SendIntent, kit: Kit, *, on_way: bool) -> Mail:
    rendered, problem = None, ""
    try:
        rendered = _rendered(intent, kit)
    except CannotRender as error:
        problem = str(error)
    return Mail(
        step=intent.step,
        template=intent.template,
        category=intent.category,
        on_way=on_way,
        at_us=intent.decided_us,
        reason=intent.suppressed,
        rendered=rendered,
        problem=problem,
    )


def _rendered(intent: SendIntent, kit: Kit) -> Rendered:
    template = kit.templates.get(intent.template)
    if template is None:
        msg = f"no_template: templates/{intent.template}.mjml is not in the workspace"
        raise CannotRender(msg)
    trial_id = digest("dry-run", intent.journey, intent.step, intent.profile_id, str(intent.decided_us), size=16).hex()
    mine = msgspec.structs.replace(intent, address=kit.address, message_id=trial_id)
    what = f"journey {intent.journey}, step {intent.step}, as {intent.profile_id}"
    items = _items(intent, template, kit.recommender)
    return render_message(template, mine, items, tokens=_Inert(), sender=kit.sender, track=False, trial=what)


def _items(intent: SendIntent, template: Template, recommender: Recommender | None) -> Sequence[Recommendation]:
    if recommender is None or not template.wanted:
        return []
    try:
        return recommender.recommend(intent.seeds, intent.exclude, template.wanted)
    except sqlite3.Error:
        return []  # as at the real hand-over: a mail without suggestions is better than none
