"""policy.yml: what each category of messages needs and may, and the rules that hold across categories.

Names at the top are categories, but for ``caps``, ``quiet``, ``arbitration`` and ``holdout``, which hold for every category that is not exempt. All that
concerns a category is put together when it is read, so that a decision asks one `Policy` and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import DAY_US, format_duration
from tidings.decide import arbitration, caps, holdout, quiet
from tidings.decide.arbitration import Arbitration
from tidings.decide.caps import MAX_CAP, Cap
from tidings.decide.quiet import Quiet
from tidings.domain import schema
from tidings.domain.zones import UTC
from tidings.errors import DefinitionError
from tidings.rules import window

__all__ = ["MAX_CAP", "Policy", "parse"]

ACROSS = ("caps", "quiet", "arbitration", "holdout")
"""Names at the top of the file that are no categories."""
EXEMPT = "transactional"
"""The category that is exempt unless it says otherwise."""
PATIENCE_US = 3 * DAY_US
"""How long a message waits for room under a cap when nothing else is said."""
LEAST_KEPT = 10
"""Messages of a category that are remembered at least where any are, for caps that come later."""

_CATEGORY = schema.settings(
    {
        "consent": schema.one_of(("required", "not_needed")),
        "cap": {"anyOf": [{"type": "null"}, caps.OWN]},
        "when_capped": schema.one_of(("drop", "wait")),
        "patience": schema.SPAN,
        "quiet": quiet.SCHEMA,
        "exempt": schema.FLAG,
        "mode": schema.one_of(("at_most_once", "at_least_once")),
        "description": schema.SENTENCE,
    }
)
SCHEMA = {
    "type": ["object", "null"],
    "properties": {
        "caps": caps.SCHEMA,
        "quiet": quiet.SCHEMA,
        "arbitration": arbitration.SCHEMA,
        "holdout": holdout.SCHEMA,
    },
    "additionalProperties": {"anyOf": [{"type": "null"}, _CATEGORY]},
}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What one category of messages needs and may."""

    category: str
    """Its name."""
    consent: bool = True
    """Whether a message needs the person's consent to this purpose."""
    caps: tuple[Cap, ...] = ()
    """Its own cap, and those across categories that count it."""
    patience_us: int = 0
    """How long after it first asked a message waits for room under a cap; 0 to drop it at once."""
    quiet: Quiet | None = None
    """When it does not go."""
    arbitration: Arbitration | None = None
    """How it competes with others."""
    holdout: int = 0
    """How many in a hundred get none of it, whatever the journey; 0 for nobody."""
    exempt: bool = False
    """Whether what holds across categories does not hold for it."""
    mode: str = "at_most_once"
    """``at_most_once`` or ``at_least_once`` when a crash hits between hand-over and answer."""
    zone: str = UTC
    """The time zone of whoever has none."""

    @property
    def limited(self) -> bool:
        """Whether anything but permission may keep a message from going."""
        return bool(self.caps) or self.quiet is not None or self.arbitration is not None

    @property
    def keep(self) -> int:
        """How many of its messages a person's state has to remember."""
        most = max((cap.at_most for cap in self.caps), default=0)
        return max(most, LEAST_KEPT) if most or self.arbitration is not None else 0


def parse(raw: Any, where: str, zone: str = UTC) -> dict[str, Policy]:
    """Policies by category from ``{marketing: {consent: required, cap: {at_most: 1, per: 24h}}}``.

    `zone` is the time zone of whoever has none. Raises DefinitionError.
    """
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs categories with their policy", got=raw)
    named = {str(name): _settings(one, f"{where}.{name}") for name, one in raw.items() if name not in ACROSS}
    exempt = [name for name, one in named.items() if _is_exempt(name, one, f"{where}.{name}")]
    common = [name for name in named if name not in exempt]
    across = caps.parse(raw["caps"], common, exempt, f"{where}.caps") if raw.get("caps") else ()
    rule = raw.get("arbitration")
    best = arbitration.parse(rule, common, exempt, f"{where}.arbitration") if rule is not None else None
    out = holdout.parse(raw["holdout"], f"{where}.holdout") if raw.get("holdout") else 0
    night = quiet.parse(raw.get("quiet"), f"{where}.quiet")
    return {
        name: Policy(
            category=name,
            **_own(one, f"{where}.{name}"),
            caps=(*_cap(name, one, f"{where}.{name}"), *(cap for cap in across if name in cap.categories)),
            quiet=quiet.parse(one["quiet"], f"{where}.{name}.quiet")
            if "quiet" in one
            else night
            if name in common
            else None,
            arbitration=best if best is not None and name in best.categories else None,
            holdout=out if name in common else 0,
            exempt=name in exempt,
            zone=zone,
        )
        for name, one in named.items()
    }


def _settings(raw: Any, where: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs settings", got=raw, wanted="consent, cap, mode")
    only(raw, {"consent", "cap", "when_capped", "patience", "quiet", "exempt", "mode", "description"}, where)
    return raw


def _is_exempt(name: str, raw: Mapping[str, Any], where: str) -> bool:
    said = raw.get("exempt", name == EXEMPT)
    if not isinstance(said, bool):
        raise DefinitionError(f"{where}.exempt", "unknown", got=said, wanted="true or false")
    return said


def _own(raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Settings that are a category's alone."""
    consent = _word(raw, "consent", ("required", "not_needed"), where)
    capped = _word(raw, "when_capped", ("drop", "wait"), where)
    if "patience" in raw and capped == "drop":
        raise DefinitionError(f"{where}.patience", "nothing waits", do="write `when_capped: wait` beside it")
    patience_us = window.span(raw["patience"], f"{where}.patience") if "patience" in raw else PATIENCE_US
    return {
        "consent": consent == "required",
        "patience_us": patience_us if capped == "wait" else 0,
        "mode": _word(raw, "mode", ("at_most_once", "at_least_once"), where),
    }


def _word(raw: Mapping[str, Any], name: str, allowed: tuple[str, str], where: str) -> str:
    """A setting that is one of two words, the first unless it is given."""
    said = raw.get(name, allowed[0])
    if said not in allowed:
        raise DefinitionError(f"{where}.{name}", "unknown", got=said, wanted=" or ".join(allowed))
    return str(said)


def _cap(name: str, raw: Mapping[str, Any], where: str) -> tuple[Cap, ...]:
    return (caps.parse_one(raw["cap"], name, f"{where}.cap"),) if raw.get("cap") else ()


def words(policy: Policy) -> list[str]:
    """The policy for people, a rule a line."""
    found = ["needs consent" if policy.consent else "needs no consent; a withdrawal counts all the same"]
    if policy.exempt:
        found.append("exempt from what holds across categories")
    found += [caps.words(one) for one in policy.caps]
    if policy.caps:
        waits = f"waits at most {format_duration(policy.patience_us)}" if policy.patience_us else "is dropped"
        found.append(f"what a cap refuses {waits}")
    if policy.holdout:
        found.append(f"{policy.holdout} % of people are held out and get none of it")
    if policy.quiet is not None:
        found.append(quiet.words(policy.quiet))
    if policy.arbitration is not None:
        found.append(arbitration.words(policy.arbitration))
    return found
