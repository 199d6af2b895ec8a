"""What came of a step, as a word that later steps of the same run go by: ``timeout``, ``clicked``, ``suppressed:no_consent``.

A message's word grows as events come back from it, and never shrinks: the strongest of `STRENGTH` stays, in whatever order they
arrive. A word counts as each weaker one that it proves (who clicked has opened), and as what stands before its colon.
Kept only of steps that some other step of the journey asks about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tidings.domain import feedback
from tidings.domain.event import Event
from tidings.domain.profile import Run

MAX_RESULTS = 50
"""Steps with a word per run, and messages that may still change one: the latest."""
STRENGTH = (
    "decided",
    "in_doubt",
    "accepted",
    "delivered",
    "suppressed",
    "refused",
    "bounced",
    "opened",
    "clicked",
    "unsubscribed",
    "complained",
)
"""Words for what came of a message, the weakest first."""
FEEDBACK = {
    feedback.EMAIL_IN_DOUBT: "in_doubt",
    feedback.EMAIL_SENT: "accepted",
    feedback.EMAIL_DELIVERED: "delivered",
    feedback.EMAIL_SUPPRESSED: "suppressed",
    feedback.EMAIL_REFUSED: "refused",
    feedback.EMAIL_BOUNCED: "bounced",
    feedback.EMAIL_OPENED: "opened",
    feedback.EMAIL_CLICKED: "clicked",
    feedback.UNSUBSCRIBED: "unsubscribed",
    feedback.EMAIL_COMPLAINED: "complained",
}
"""Events that come back from a message, with their words."""
BOUNCES = ("soft", "policy", "block", "hard")
"""What a bounce may be, the weakest first: ``bounced:hard`` counts as ``bounced`` too."""
_BOUNCED = "bounced"
_RANK = {word: rank for rank, word in enumerate(STRENGTH)}
_PROVES = {
    "in_doubt": ("decided",),
    "accepted": ("decided",),
    "delivered": ("accepted", "decided"),
    "opened": ("delivered", "accepted", "decided"),
    "clicked": ("opened", "delivered", "accepted", "decided"),
    "unsubscribed": ("delivered", "accepted", "decided"),
    "complained": ("delivered", "accepted", "decided"),
}


def note(run: Run, step: str, word: str) -> None:
    """Keep what came of a step; what came of it before is replaced."""
    run.results.pop(step, None)
    run.results[step] = word
    if len(run.results) > MAX_RESULTS:
        del run.results[next(iter(run.results))]


def note_message(run: Run, step: str, message_id: str, suppressed: str) -> None:
    """Keep what was decided on a message. From now on the step's word is that of this message, not of one before."""
    run.messages = {one: by for one, by in run.messages.items() if by != step}
    if suppressed:
        note(run, step, f"suppressed:{suppressed}")
        return
    note(run, step, "decided")
    run.messages[message_id] = step
    _bound(run.messages)


def take_over(run: Run, lane: Run) -> None:
    """What came of the steps of a lane that is over, and the messages that may still change it."""
    for step, word in lane.results.items():
        if run.results.get(step) != word:
            note(run, step, word)
    fresh = {one: step for one, step in lane.messages.items() if one not in run.messages}
    again = set(fresh.values())
    run.messages = {one: step for one, step in run.messages.items() if step not in again} | fresh
    _bound(run.messages)


def _bound(kept: dict[str, str]) -> None:
    while len(kept) > MAX_RESULTS:
        del kept[next(iter(kept))]


def hear(run: Run, event: Event) -> None:
    """Take what an event says of one of the run's messages. What a machine opened or followed says nothing."""
    word = FEEDBACK.get(event.name)
    message_id = event.properties.get("message_id") if word is not None else None
    step = run.messages.get(message_id) if isinstance(message_id, str) else None
    if word is None or step is None or event.properties.get("machine") is True:
        return
    if word == _BOUNCED and event.properties.get("kind") in BOUNCES:
        word = f"{word}:{event.properties['kind']}"
    if _strength(word) > _strength(run.results.get(step, "decided")):
        run.results[step] = word


def _strength(word: str) -> tuple[int, int]:
    head, _, kind = word.partition(":")
    return _RANK.get(head, 0), BOUNCES.index(kind) + 1 if head == _BOUNCED and kind in BOUNCES else 0


def counts_as(word: str) -> Iterator[str]:
    """Every word that a word counts as, the closest first."""
    if word:
        yield word
    head, colon, _ = word.partition(":")
    if colon:
        yield head
    yield from _PROVES.get(head, ())


def choose(word: str, ways: Mapping[str, str], otherwise: str) -> str:
    """Where to go by a word."""
    return next((ways[one] for one in counts_as(word) if one in ways), otherwise)


def known(word: str, possible: tuple[str, ...]) -> bool:
    """Whether a step that can come to `possible` can come to this."""
    return word in possible or (":" in word and word.partition(":")[0] in possible)
