"""A workspace: a folder of definitions, read once and checked whole.

traits.yml            computed traits
segments.yml          named rules
scores.yml            scores in bands; cuts/*.yml where the bands end
send_times.yml        when everybody engages with mail
settings.yml          the time zone of whoever has none
given.yml             the events and traits that come from outside
policy.yml            message categories: consent, caps
webhooks.yml          what journeys may call
journeys/*.yml        one journey a file
broadcasts/*.yml      one broadcast a file
templates/*.mjml      see render/
sources/*.yml         maps of files, see sources/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from tidings import given
from tidings.accumulate import kinds
from tidings.accumulate.base import Accumulator, only
from tidings.decide import policy as policies
from tidings.decide.policy import Policy
from tidings.domain import plain, schema, zones
from tidings.domain.mention import Mention
from tidings.domain.names import known
from tidings.errors import DefinitionError
from tidings.ids import digest
from tidings.located import DefinitionFiles, located
from tidings.process import broadcast_parse, graph, journey_form, journey_parse, timetable, webhooks
from tidings.process.entries import kinds as entry_kinds
from tidings.process.journey import Journey
from tidings.process.layout import Layout
from tidings.process.segment import Segment, Segments
from tidings.process.steps.send import Send
from tidings.process.steps.start import Start
from tidings.process.steps.update import Update
from tidings.process.steps.webhook import Webhook as CallStep
from tidings.process.webhooks import Webhook
from tidings.rules import bands, send_times
from tidings.rules import parse as rule_parse
from tidings.rules import text as rule_text
from tidings.rules.compile import compiled
from tidings.rules.mentions import mentions as rule_mentions

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
    broadcasts: Mapping[str, Journey] = {}
    """The current version of each broadcast, by name; they are journeys under the hood, and among the `versions` too."""
    outdated: Mapping[str, str] = {}
    """Earlier versions of journeys (``name@version``) that need what is not defined any more, and why. Their runs end, with
    that outcome, where they would have gone on."""
    webhooks: Mapping[str, Webhook] = {}
    """What journeys may call, by name."""

    def named(self, name: str) -> Journey | None:
        """The current version of a journey or broadcast; None when there is none of that name."""
        return self.journeys.get(name) or self.broadcasts.get(name)


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
    drafts: Sequence[Path] = (),
    kept: bool = False,
) -> Definitions:
    """Read and check a workspace folder. Raises DefinitionError.

    `earlier` holds journey sources (``name@version`` to YAML) and `layouts` accumulator keys by layout id, both as a host
    stored them for state that is still kept in them; what they need may be gone (see `outdated`). `beside` is what the next definitions need to have remembered.
    `drafts` are journey files from anywhere, each instead of the folder's journey of the same name.
    What was `kept`, because it ran once, is not asked what only concerns whoever writes it: its journeys go on, with steps that
    nobody comes to.
    """
    if not folder.is_dir():
        raise DefinitionError(
            str(folder), "no such workspace folder", do=f"run `tidings init` to make one in {folder.parent}"
        )
    files = DefinitionFiles(folder, drafts)
    with located(files.texts):
        return _load(files, earlier or {}, layouts, beside, version, kept=kept)


def _load(
    files: DefinitionFiles,
    earlier: Mapping[str, str],
    layouts: Mapping[str, Sequence[str]] | None,
    beside: Beside | None,
    version: str,
    *,
    kept: bool,
) -> Definitions:
    layout = Layout()
    layout.zone = _zone(files)
    written = files.mapping("segments.yml")
    layout.rules = {name: raw["rule"] for name, raw in written.items() if _has_rule(raw)}
    kinds.define(files.mapping("traits.yml"), layout, "traits.yml")
    layout.scores = _scores(files, layout)
    layout.send_times = send_times.parse(files.data(send_times.FILE), send_times.FILE)
    segments = [_segment(str(name), raw, layout) for name, raw in written.items()]
    rules = policies.parse(files.mapping("policy.yml") or {"marketing": {}}, "policy.yml", layout.zone)
    current, versions, sources = _journeys(files, layout, rules, kept=kept)
    broadcasts = _broadcasts(files, layout, segments, rules, current)
    versions |= {(name, one.version): one for name, (one, _) in broadcasts.items()}
    sources |= {f"{name}@{one.version}": text for name, (one, text) in broadcasts.items()}
    hooks = webhooks.parse(files.mapping(webhooks.FILE))
    _check_calls(files, current, hooks)
    known_traits = [*(name for name, _ in layout.traits()), *traits_set(current.values())]
    given.parse(files.mapping(given.FILE)).check(mentions(files), known_traits)
    before = {key: text for key, text in earlier.items() if key not in sources}
    outdated = _take_earlier(before, layout, versions)
    sources |= before
    marks = _marks(files, layout, segments, current)
    if beside is not None:
        marks.append(beside.mark)
        for accumulator in beside.accumulators:
            layout.slot(accumulator)
    layout.seal(layouts, marks)
    return Definitions(
        layout=layout,
        segments=Segments(segments),
        journeys=current,
        versions=versions,
        policies=rules,
        sources=sources,
        version=version,
        broadcasts={name: one for name, (one, _) in broadcasts.items()},
        outdated=outdated,
        webhooks=hooks,
    )


def _take_earlier(
    before: Mapping[str, str], layout: Layout, versions: dict[tuple[str, str], Journey]
) -> dict[str, str]:
    """Add earlier versions to `versions`; those that need what is gone, and why."""
    outdated = {}
    for key, text in before.items():
        name, _, own = key.rpartition("@")
        try:
            versions[name, own] = _earlier(plain.parse(text, key), own, layout, f"earlier version {key}")
        except DefinitionError as error:
            outdated[key] = str(error)
    return outdated


def _marks(
    files: DefinitionFiles, layout: Layout, segments: Sequence[Segment], journeys: Mapping[str, Journey]
) -> list[str]:
    """What else the answers depend on: with another of these, people are judged anew."""
    return [
        f"zone@{layout.zone}",
        *_score_marks(files),
        *(f"moves:{one.name}@{one.version}" for one in journeys.values() if one.moves),
        *_timed_marks(files, journeys),
        *(f"{segment.name}@{segment.version}" for segment in segments),
    ]


def _earlier(raw: Any, version: str, layout: Layout, where: str) -> Journey:
    """An earlier version of a journey, or of a broadcast."""
    if isinstance(raw, dict) and "broadcast" in raw:
        return broadcast_parse.parse(raw, version, layout, where)
    return journey_parse.parse(raw, version, layout, where, entered=False)


def traits_set(journeys: Iterable[Journey]) -> list[str]:
    """Given traits that journeys set: nobody else has to give them."""
    steps = (step for one in journeys for step in one.steps.values())
    return [name for step in steps if isinstance(step, Update) for name in step.traits.values]


def mentions(files: DefinitionFiles) -> Iterator[Mention]:
    """Every event and trait that the definitions of a folder name, once they are known to parse."""
    yield from kinds.mentions(files.mapping("traits.yml"), "traits.yml")
    for name, raw in files.mapping("segments.yml").items():
        yield from rule_mentions(raw["rule"], f"segments.yml: {name}.rule")
    for where in files.journeys():
        yield from journey_form.mentions(files.data(where), where)
    for where in files.broadcasts():
        yield from broadcast_parse.mentioned(files.data(where), where)


def _check_calls(files: DefinitionFiles, current: Mapping[str, Journey], hooks: Mapping[str, Webhook]) -> None:
    """Refuse a step that calls a webhook which is not there."""
    for where in files.journeys():
        for index, step in enumerate(current[files.data(where)["journey"]].steps.values()):
            if isinstance(step, CallStep):
                path = f"{where}: steps[{index}].webhook.name"
                known(step.hook, hooks, "webhook", path, f"define it in {webhooks.FILE}")


def read_yaml(path: Path) -> Any:
    """A file at the top of the folder as plain data; None when there is no such file. Raises DefinitionError."""
    return DefinitionFiles(path.parent).data(path.name)


def _scores(files: DefinitionFiles, layout: Layout) -> dict[str, bands.Score]:
    raw = files.mapping("scores.yml")
    cuts = {name: files.data(bands.cuts_path(name)) for name in map(str, raw) if "/" not in name}
    return bands.parse(raw, cuts, layout, "scores.yml")


def _score_marks(files: DefinitionFiles) -> list[str]:
    """With other cut points people are judged anew, though no segment is written differently."""
    scores = {
        str(name): [raw, files.data(bands.cuts_path(str(name)))] for name, raw in files.mapping("scores.yml").items()
    }
    return [f"score:{name}@{version_of(one)}" for name, one in scores.items()]


def _timed_marks(files: DefinitionFiles, journeys: Mapping[str, Journey]) -> list[str]:
    """With another timetable everybody's next occasion is another one, though no segment is written differently."""
    timed = {name for name, one in journeys.items() if any(entry.timetable() is not None for entry in one.entries)}
    entries = {raw["journey"]: entry_kinds.tree(raw["entry"], "entry") for raw in map(files.data, files.journeys())}
    return [f"entry:{name}@{version_of(entries[name])}" for name in sorted(timed)]


def _zone(files: DefinitionFiles) -> str:
    """The time zone in settings.yml, for whoever has none."""
    settings = files.mapping("settings.yml")
    only(settings, {"timezone"}, "settings.yml")
    name = settings.get("timezone", zones.UTC)
    if not isinstance(name, str) or name not in zones.NAMES:
        near = get_close_matches(str(name), zones.NAMES, 1)
        do = f"did you mean {near[0]}?" if near else "use a name of the IANA database such as Europe/London"
        raise DefinitionError("settings.yml: timezone", "unknown time zone", got=name, do=do)
    return name


def _has_rule(raw: Any) -> bool:
    return isinstance(raw, dict) and "rule" in raw


def _segment(name: str, raw: Any, layout: Layout) -> Segment:
    where = f"segments.yml: {name}"
    if not _has_rule(raw):
        raise DefinitionError(where, "needs `rule` and may have `description` and `label`", got=raw)
    only(raw, {"rule", "description", "label"}, where)
    if name.startswith(timetable.MARK):
        raise DefinitionError(where, f"no name of a segment may begin with {timetable.MARK}", do="choose another name")
    with layout.inside(name, where) as written:
        rule = rule_parse.parse(written, layout, f"{where}.rule")
    version = version_of(rule_text.tree(raw["rule"], where))
    return Segment(name, str(raw.get("description", "")), rule, version, compiled(rule))


def _journeys(
    files: DefinitionFiles, layout: Layout, rules: Mapping[str, Policy], *, kept: bool
) -> tuple[dict[str, Journey], dict[tuple[str, str], Journey], dict[str, str]]:
    current: dict[str, Journey] = {}
    versions: dict[tuple[str, str], Journey] = {}
    sources: dict[str, str] = {}
    wheres: dict[str, str] = {}
    started: list[tuple[str, str]] = []
    for where in files.journeys():
        raw = files.data(where)
        journey = journey_parse.parse(raw, version_of(journey_form.tree(raw, where)), layout, where)
        if journey.name in current:
            raise DefinitionError(f"{where}: journey", "two journeys have the same name", got=journey.name)
        for index, step in enumerate(journey.steps.values()):
            if isinstance(step, Start):
                started.append((step.journey, f"{where}: steps[{index}].start.journey"))
            if isinstance(step, Send):
                known(
                    step.category,
                    rules,
                    "category",
                    f"{where}: steps[{index}].send.category",
                    "define it in policy.yml",
                )
        if not kept:
            graph.check(journey, where)
        wheres[journey.name] = where
        current[journey.name] = versions[journey.name, journey.version] = journey
        sources[f"{journey.name}@{journey.version}"] = files.text(where)
    for name, where in started:
        known(name, current, "journey", where, "name a journey of this workspace")
    if not kept:
        graph.check_starts(current, wheres)
    return current, versions, sources


def _broadcasts(
    files: DefinitionFiles,
    layout: Layout,
    segments: Sequence[Segment],
    rules: Mapping[str, Policy],
    journeys: Mapping[str, Journey],
) -> dict[str, tuple[Journey, str]]:
    """Each broadcast with the text of its file, by name."""
    found: dict[str, tuple[Journey, str]] = {}
    names = [segment.name for segment in segments]
    for where in files.broadcasts():
        raw = files.data(where)
        one = broadcast_parse.parse(raw, version_of(broadcast_parse.tree(raw, where)), layout, where)
        if one.name in found or one.name in journeys:
            raise DefinitionError(f"{where}: broadcast", "a journey or another broadcast has this name", got=one.name)
        segment, category = one.broadcast.segment if one.broadcast else "", raw.get("category", "marketing")
        if segment:
            known(segment, names, "segment", f"{where}: segment", "define it in segments.yml")
        known(category, rules, "category", f"{where}: category", "define it in policy.yml")
        found[one.name] = one, files.text(where)
    return found
