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
from tidings.accumulate.base import Accumulator, only
from tidings.decide import policy as policies
from tidings.decide.policy import Policy
from tidings.domain import plain, schema, zones
from tidings.domain.names import known
from tidings.errors import DefinitionError
from tidings.ids import digest
from tidings.located import DefinitionFiles, located
from tidings.process import journey as journeys
from tidings.process.journey import Journey
from tidings.process.layout import Layout
from tidings.process.segment import Segment, Segments
from tidings.process.steps.send import Send
from tidings.rules import parse as rule_parse
from tidings.rules import text as rule_text
from tidings.rules.compile import compiled

SETTINGS = schema.settings(
    {"timezone": {**schema.NAME, "description": "A name of the IANA database such as Europe/London."}},
    more={"type": ["object", "null"]},
)
"""The JSON Schema of settings.yml."""


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
    stored them for state that is still kept in them. `beside` is what the next definitions need to have remembered.
    """
    if not folder.is_dir():
        raise DefinitionError(
            str(folder), "no such workspace folder", do=f"run `tidings init` to make one in {folder.parent}"
        )
    files = DefinitionFiles(folder)
    with located(files.texts):
        return _load(files, earlier or {}, layouts, beside, version)


def _load(
    files: DefinitionFiles,
    earlier: Mapping[str, str],
    layouts: Mapping[str, Sequence[str]] | None,
    beside: Beside | None,
    version: str,
) -> Definitions:
    layout = Layout()
    layout.zone = _zone(files)
    written = files.mapping("segments.yml")
    layout.rules = {name: raw["rule"] for name, raw in written.items() if _has_rule(raw)}
    kinds.define(files.mapping("traits.yml"), layout, "traits.yml")
    segments = [_segment(str(name), raw, layout) for name, raw in written.items()]
    rules = policies.parse(files.mapping("policy.yml") or {"marketing": {}}, "policy.yml")
    current, versions, sources = _journeys(files, layout, segments, rules)
    for key, text in earlier.items():
        if key not in sources:
            name, _, own = key.rpartition("@")
            versions[name, own] = journeys.parse(plain.parse(text, key), own, layout, f"earlier version {key}")
            sources[key] = text
    marks = [f"zone@{layout.zone}", *(f"{segment.name}@{segment.version}" for segment in segments)]
    if beside is not None:
        marks.append(beside.mark)
        for accumulator in beside.accumulators:
            layout.slot(accumulator)
    layout.seal(layouts, marks)
    return Definitions(layout, Segments(segments), current, versions, rules, sources, version)


def read_yaml(path: Path) -> Any:
    """A file at the top of the folder as plain data; None when there is no such file. Raises DefinitionError."""
    return DefinitionFiles(path.parent).data(path.name)


def _zone(files: DefinitionFiles) -> str:
    """The time zone in settings.yml, for whoever has none."""
    settings = files.mapping("settings.yml")
    only(settings, {"timezone"}, "settings.yml")
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
    if not _has_rule(raw):
        raise DefinitionError(where, "needs `rule` and may have `description` and `label`", got=raw)
    only(raw, {"rule", "description", "label"}, where)
    with layout.inside(name, where) as written:
        rule = rule_parse.parse(written, layout, f"{where}.rule")
    version = version_of(rule_text.tree(raw["rule"], where))
    return Segment(name, str(raw.get("description", "")), rule, version, compiled(rule))


def _journeys(
    files: DefinitionFiles, layout: Layout, segments: Sequence[Segment], rules: Mapping[str, Policy]
) -> tuple[dict[str, Journey], dict[tuple[str, str], Journey], dict[str, str]]:
    current: dict[str, Journey] = {}
    versions: dict[tuple[str, str], Journey] = {}
    sources: dict[str, str] = {}
    names = [segment.name for segment in segments]
    for where in files.journeys():
        raw = files.data(where)
        journey = journeys.parse(raw, version_of(raw), layout, where)
        if journey.name in current:
            raise DefinitionError(f"{where}: journey", "two journeys have the same name", got=journey.name)
        if journey.entry_segment:
            known(journey.entry_segment, names, "segment", f"{where}: entry.segment", "segments.yml")
        for index, step in enumerate(journey.steps.values()):
            if isinstance(step, Send):
                known(step.category, rules, "category", f"{where}: steps[{index}].send.category", "policy.yml")
        current[journey.name] = versions[journey.name, journey.version] = journey
        sources[f"{journey.name}@{journey.version}"] = files.text(where)
    return current, versions, sources
