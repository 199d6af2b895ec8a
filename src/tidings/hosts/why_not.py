"""`tidings why-not`: why a journey sent a person nothing, now or as of an earlier instant. Reads beside whatever runs."""

from __future__ import annotations

from tidings.clock import SystemClock
from tidings.config import Config
from tidings.console import standing, why_not
from tidings.console.store import Store
from tidings.console.why_not import Answer
from tidings.domain.names import nearest
from tidings.domain.profile import ProfileState
from tidings.errors import InputError
from tidings.hosts import asof
from tidings.process.journey import Journey
from tidings.state import snapshot
from tidings.workspace import Definitions


def answer(config: Config, who: str, journey: str, as_of: str = "") -> Answer:
    """The answer about a profile id, user id, anonymous id or address. Raises InputError for an unknown person or journey."""
    definitions = asof.running(config)
    name = journey_of(definitions, journey).name
    profile_id = asof.find(config, who)
    question = asof.asked(as_of, as_of)
    state = _then(config, definitions, profile_id, question) if as_of else person_now(config, definitions, profile_id)
    with Store(config, SystemClock()) as store:
        return why_not.why_not(store, definitions, name, profile_id, question.at_us, state)


def journey_of(definitions: Definitions, name: str) -> Journey:
    """A journey or broadcast of the definitions that run, by name. Raises InputError."""
    found = definitions.named(name)
    if found is None:
        names = [*definitions.journeys, *definitions.broadcasts]
        near = nearest(name, names)
        do = f"did you mean {near}?" if near else f"wanted one of {', '.join(names) or 'none'}"
        msg = f"journey {name!r}: no such journey runs; {do}"
        raise InputError(msg)
    return found


def person_now(config: Config, definitions: Definitions, profile_id: str) -> ProfileState | None:
    """Her live state; None when it is not in the memories of the definitions that run, as just after a change."""
    with snapshot.opened(config.data / "state") as state:
        found = standing.people(state, definitions, [profile_id])
    return found[0] if found else None


def _then(config: Config, definitions: Definitions, profile_id: str, question: asof.Asked) -> ProfileState | None:
    try:
        return asof.state_of(config, definitions, profile_id, question)
    except InputError:
        return None  # nothing of hers had happened by then: the answer says that the event never came
