"""Reading a workspace: checked whole, and what is wrong is said with file, place, got and wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import World, definitions, write
from tidings import located, workspace
from tidings.errors import DefinitionError

SEND = "entry: {event: Go}\nsteps:\n  - id: s\n    send: {template: t}\n"
EXIT = "entry: {event: Go}\nsteps:\n  - id: s\n    exit: x\n"
WRONG = {
    "not yaml": ({"segments": "a: [1"}, "segments.yml:1: not YAML"),
    "a list": ({"traits": "- a"}, "traits.yml:1: needs names with their definitions; got ['a']"),
    "no kind": ({"traits": "a: ~"}, "traits.yml:1: a: a computed trait needs a kind; wanted one of count, sum"),
    "two kinds": ({"traits": "a: {count: {event: X}, sum: 3}"}, "traits.yml:1: a: needs exactly one kind; got"),
    "odd settings": (
        {"traits": "a: {count: {event: X, c: 2, b: 3}}"},
        "traits.yml:1: a.count: unknown setting; got 'b'",
    ),
    "a tag": ({"segments": "a: {rule: {trait: x, in: !!set {a, b}}}"}, "segments.yml:1: not YAML: could not determine"),
    "a name twice": ({"segments": "a: {}\nb: {}\na: {}"}, "segments.yml:3: a name comes twice; got 'a'"),
    "yaml's on": (
        {"segments": "a: {rule: {trait: x, equals: {on: 1}}}"},
        "segments.yml:1: a name must be text; got 'on'",
    ),
    "a number for a name": ({"jny": EXIT + "5: x"}, "journeys/jny.yml:6: a name must be text; got 5"),
    "no rule": ({"segments": "a: {description: x}"}, "segments.yml:1: a: needs `rule`"),
    "a text for a number": (
        {"segments": "a: {rule: {trait: x, at_least: [1]}}"},
        "segments.yml:1: a.rule: `at_least` needs a number or a text; got [1]",
    ),
    "not a number": (
        {"segments": "a: {rule: {trait: x, at_least: .nan}}"},
        "segments.yml:1: a number must be finite",
    ),
    "a window of nothing": (
        {"segments": "a: {rule: {did: {event: X, within: 0s}}}"},
        "segments.yml:1: a.rule.did.within: out of range: got '0s', wanted longer than nothing",
    ),
    "a cap in words": ({"policy": "m: {cap: lots}"}, "policy.yml:1: m.cap: needs `at_most` and `per`; got 'lots'"),
    "a cap with more": ({"policy": "m: {cap: {at_most: 1, per: 1d, x: 2}}"}, "policy.yml:1: m.cap: needs `at_most`"),
    "a cap of true": ({"policy": "m: {cap: {at_most: true, per: 1d}}"}, "policy.yml:1: m.cap.at_most: out of range"),
    "a cap of nothing": (
        {"policy": "m: {cap: {at_most: 1, per: 0s}}"},
        "policy.yml:1: m.cap.per: out of range: got '0s'",
    ),
    "an unknown segment": (
        {"jny": EXIT.replace("event: Go", "segment: nobody")},
        "journeys/jny.yml:2: entry.segment: unknown segment; got 'nobody'",
    ),
    "an unknown category": (
        {"jny": SEND, "policy": "post: {}"},
        "journeys/jny.yml:5: steps[0].send.category: unknown category; got 'marketing'; wanted post; define it in policy.yml",
    ),
    "a wait backwards": (
        {"jny": EXIT.replace("exit: x", "wait: -3600s")},
        "journeys/jny.yml:5: steps[0].wait: not a duration: got '-3600s'",
    ),
    "a step nowhere": (
        {"jny": EXIT.replace("exit: x", "branch: {if: {trait: a, exists: true}, then: there}")},
        "journeys/jny.yml:5: steps[0].branch.then: unknown step; got 'there'; wanted s; name a step of this journey",
    ),
    "the same step twice": (
        {"jny": EXIT + "  - id: s\n    exit: y\n"},
        "journeys/jny.yml:6: steps[1].id: two steps have",
    ),
    "an entry with more": (
        {"jny": EXIT.replace("event: Go", "segment: s, where: {a: 1}")},
        "journeys/jny.yml:2: entry: unknown setting; got 'where'; wanted segment, when",
    ),
    "a reentry with more": (
        {"jny": EXIT + "reentry: {after: 1d, or: never}"},
        "journeys/jny.yml:6: reentry: unknown; got {'after': '1d', 'or': 'never'}; wanted always, once, or {after: 24h}",
    ),
}


@pytest.mark.parametrize(("files", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_file_and_place(files: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        definitions(tmp_path, **files)
    assert str(problem.value).startswith(says)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "segments.yml").write_bytes("größe: 1".encode("latin-1"))
    with pytest.raises(DefinitionError, match=r"segments.yml: not UTF-8"):
        workspace.load(tmp_path)


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "policy.yml").mkdir()
    with pytest.raises(DefinitionError, match=r"policy.yml: cannot be read: .*directory"):
        workspace.load(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "traits.yml").write_bytes(b"#" * (located.MAX_FILE_BYTES + 1))
    with pytest.raises(DefinitionError, match=r"traits.yml: file too large; got 1000001; wanted at most 1000000 bytes"):
        workspace.load(tmp_path)


def test_without_a_folder_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no such workspace folder; run `tidings init`"):
        workspace.load(tmp_path / "nowhere")


def test_a_date_in_a_definition_is_the_text_that_it_is_in_events(tmp_path: Path) -> None:
    found = definitions(tmp_path, segments="s: {rule: {trait: born, equals: 2001-02-03}}")
    world = World(found)
    world.identify(0, born="2001-02-03")
    assert "s" in world.person().segments


def test_a_definition_may_use_anchors_and_merged_settings(tmp_path: Path) -> None:
    text = "a: &one {rule: {trait: x, equals: 1}, label: A}\nb: {<<: *one, label: B}"
    assert set(definitions(tmp_path, segments=text).segments.by_name) == {"a", "b"}


def test_an_empty_folder_is_a_workspace_with_one_category(tmp_path: Path) -> None:
    found = workspace.load(tmp_path)
    assert list(found.policies) == ["marketing"]
    assert found.journeys == {}


def test_two_files_may_not_define_the_same_journey(tmp_path: Path) -> None:
    definitions(tmp_path, one=EXIT)
    (tmp_path / "journeys" / "two.yml").write_text("journey: one\n" + EXIT)
    with pytest.raises(
        DefinitionError, match=r"journeys/two.yml:1: journey: two journeys have the same name; got 'one'"
    ):
        workspace.load(tmp_path)


def test_a_version_goes_by_content_and_not_by_the_layout_on_the_page(tmp_path: Path) -> None:
    one = definitions(tmp_path, jny=EXIT).journeys["jny"].version
    same = definitions(tmp_path, jny="# a comment\nsteps: [{exit: x, id: s}]\nentry: {event: 'Go'}\n").journeys["jny"]
    other = definitions(tmp_path, jny=EXIT.replace("exit: x", "exit: y")).journeys["jny"]
    assert one == same.version != other.version


def test_earlier_versions_stay_for_the_runs_that_keep_them(tmp_path: Path) -> None:
    before = definitions(tmp_path, jny=EXIT)
    definitions(tmp_path, jny=EXIT.replace("exit: x", "exit: y"))
    now = workspace.load(tmp_path, earlier=before.sources)
    assert set(now.versions) == {("jny", before.journeys["jny"].version), ("jny", now.journeys["jny"].version)}
    definitions(tmp_path)
    gone = workspace.load(tmp_path, earlier=now.sources)
    assert gone.journeys == {}
    assert set(gone.versions) == set(now.versions)


def test_accumulators_that_remember_the_same_are_kept_once(tmp_path: Path) -> None:
    found = definitions(
        tmp_path,
        traits="a: {count: {event: [X, Y]}}\nb: {count: {event: [Y, X]}}",
        segments="s: {rule: {did: {event: X, at_least: 2}}}\nt: {rule: {did: {event: X, at_least: 2, within: 1d}}}",
    )
    assert len(found.layout.accumulators) == 2


def test_what_ran_once_loads_with_steps_that_are_refused_in_new_files(tmp_path: Path) -> None:
    lost = (
        "entry: {event: Hello}\nsteps:\n  - {id: one, wait: 1d}\n  - {id: end, exit: done}\n  - {id: lost, wait: 1d}\n"
    )
    folder = write(tmp_path, greet=lost)
    assert list(workspace.load(folder, kept=True).journeys["greet"].steps) == ["one", "end", "lost"]
    with pytest.raises(DefinitionError, match=r"journeys/greet.yml:6: steps\[2\]: nothing leads to step 'lost'"):
        workspace.load(folder)
