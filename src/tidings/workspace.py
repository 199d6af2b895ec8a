"""A workspace: a folder of definitions, read once and checked whole.

traits.yml            computed traits
segments.yml          named rules
settings.yml          the time zone of whoever has none
policy.yml            message categories: consent, caps
journeys/*.yml        one journey a file
templates/*.mjml      see render/
sources/*.yml         maps of files, see sources/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from tidings.accumulate import kinds
from tidings.accumulate.base import Accumulator
from tidings.decide import policy as policies
from tidings.decide.policy import Policy
from tidings.domain import plain, zones
from tidings.errors import DefinitionError
from tidings.ids import digest
from tidings.process import journey as journeys
from tidings.process.journey import Journey
from tidings.process.layout import Layout
from tidings.process.segment import Segment, Segments
from tidings.rules import parse as rule_parse
from tidings.rules.compile import compiled

MAX_FILE_BYTES = 1_000_000
"""Largest definition file read."""


class Beside(msgspec.Struct, frozen=True):
    """What is remembered beside the running definitions, for those that come next."""

    accumulators: Sequence[Accumulator]
    mark: str
    """Tells one preparation from another: each has its own layout, as it counts from its own place in the log."""


class Definitions(msgspec.Struct, frozen=True):
    """Everything that the keyed core needs to know, compiled."""

    layout: Layout
    segments: Segments
    journeys: dict[str, Journey]
    """The current version of each journey, by name."""
    versions: dict[tuple[str, str], Journey]
    """Every version that a run may still keep, by (name, version)."""
    policies: dict[str, Policy]
    """Message categories by name."""
    sources: dict[str, str]
    """YAML text of each journey version, by ``name@version``; what a host keeps so that runs keep their version."""
    version: str = ""
    """Content hash of the whole folder; empty when nobody asked for it."""
    outdated: Mapping[str, str] = {}
    """Earlier versions of journeys (``name@version``) that need what is not defined any more, and why. Their runs end, with
    that outcome, where they would have gone on."""


def version_of(raw: Any) -> str:
    """Content hash of a definition: the same content is the same version, whatever its layout on the page."""
    return digest("version", msgspec.json.encode(raw, order="deterministic").decode(), size=6).hex()


def load(
    folder: Path,
    *,
    earlier: Mapping[str, str] | None = None,
    layouts: Mapping[str, Sequence[str]] | None = None,
    beside: Beside | None = None,
    version: str = "",
) -> Definitions:
    """Read and check a workspace folder. Raises DefinitionError.

    `earlier` holds journey sources (``name@version`` to YAML) and `layouts` accumulator keys by layout id, both as a host
    stored them for state that is still kept in them; what they need may be gone (see `outdated`). `beside` is what the next definitions need to have remembered.
    """
    if not folder.is_dir():
        raise DefinitionError(
            str(folder), "no such workspace folder", do=f"run `tidings init` to make one in {folder.parent}"
        )
    layout = Layout()
    layout.zone = _zone(folder)
    layout.rules = {name: raw["rule"] for name, raw in _mapping(folder / "segments.yml").items() if _has_rule(raw)}
    kinds.define(_mapping(folder / "traits.yml"), layout, "traits.yml")
    segments = [_segment(str(name), raw, layout) for name, raw in _mapping(folder / "segments.yml").items()]
    current, versions, sources = _journeys(folder, layout, segments)
    kept = {key: text for key, text in (earlier or {}).items() if key not in sources}
    outdated = {}
    for key, text in kept.items():
        name, _, own = key.rpartition("@")
        try:
            versions[name, own] = journeys.parse(plain.parse(text, key), own, layout, f"earlier version {key}")
        except DefinitionError as error:
            outdated[key] = str(error)
    sources |= kept
    rules = policies.parse(_mapping(folder / "policy.yml") or {"marketing": {}}, "policy.yml")
    _check_categories(current, rules)
    marks = [f"zone@{layout.zone}", *(f"{segment.name}@{segment.version}" for segment in segments)]
    if beside is not None:
        marks.append(beside.mark)
        for accumulator in beside.accumulators:
            layout.slot(accumulator)
    layout.seal(layouts, marks)
    return Definitions(layout, Segments(segments), current, versions, rules, sources, version, outdated)


def _read(path: Path, where: str) -> str:
    """The text of a file; empty when there is none."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DefinitionError(
                where, "file too large", got=path.stat().st_size, wanted=f"at most {MAX_FILE_BYTES} bytes"
            )
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise DefinitionError(where, f"not UTF-8: {error}", do="save it as UTF-8") from error
    except OSError as error:
        raise DefinitionError(where, f"cannot be read: {error}") from error


def read_yaml(path: Path) -> Any:
    """A file at the top of the folder as plain data; None when there is no such file. Raises DefinitionError."""
    return plain.parse(_read(path, path.name), path.name)


def _mapping(path: Path) -> dict[str, Any]:
    raw = read_yaml(path)
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise DefinitionError(path.name, "needs names with their definitions", got=raw)
    return raw


def _zone(folder: Path) -> str:
    """The time zone in settings.yml, for whoever has none."""
    settings = _mapping(folder / "settings.yml")
    if set(settings) - {"timezone"}:
        raise DefinitionError("settings.yml", "unknown setting", got=sorted(set(settings))[0], wanted="timezone")
    name = settings.get("timezone", zones.UTC)
    if name not in zones.NAMES:
        near = get_close_matches(str(name), zones.NAMES, 1)
        do = f"did you mean {near[0]}?" if near else "use a name of the IANA database such as Europe/London"
        raise DefinitionError("settings.yml: timezone", "unknown time zone", got=name, do=do)
    return str(name)


def _has_rule(raw: Any) -> bool:
    return isinstance(raw, dict) and "rule" in raw


def _segment(name: str, raw: Any, layout: Layout) -> Segment:
    where = f"segments.yml: {name}"
    if not _has_rule(raw) or set(raw) - {"rule", "description", "label"}:
        raise DefinitionError(where, "needs `rule` and may have `description` and `label`", got=raw)
    with layout.inside(name, where) as written:
        rule = rule_parse.parse(written, layout, f"{where}.rule")
    return Segment(name, str(raw.get("description", "")), rule, version_of(raw["rule"]), compiled(rule))


def _journeys(
    folder: Path, layout: Layout, segments: Sequence[Segment]
) -> tuple[dict[str, Journey], dict[tuple[str, str], Journey], dict[str, str]]:
    current: dict[str, Journey] = {}
    versions: dict[tuple[str, str], Journey] = {}
    sources: dict[str, str] = {}
    names = {segment.name for segment in segments}
    for path in sorted((folder / "journeys").glob("*.yml")):
        where = f"journeys/{path.name}"
        text = _read(path, where)
        raw = plain.parse(text, where)
        journey = journeys.parse(raw, version_of(raw), layout, where)
        if journey.name in current:
            raise DefinitionError(where, "two journeys have the same name", got=journey.name)
        if journey.entry_segment and journey.entry_segment not in names:
            raise DefinitionError(f"{where}: entry", "unknown segment", got=journey.entry_segment)
        current[journey.name] = versions[journey.name, journey.version] = journey
        sources[f"{journey.name}@{journey.version}"] = text
    return current, versions, sources


def _check_categories(current: Mapping[str, Journey], rules: Mapping[str, Policy]) -> None:
    for journey in current.values():
        for step in journey.steps.values():
            category = getattr(step, "category", None)
            if category is not None and category not in rules:
                raise DefinitionError(
                    f"journey {journey.name} step {step.id}", "unknown category", got=category, wanted=", ".join(rules)
                )
