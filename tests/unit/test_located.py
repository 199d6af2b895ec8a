"""What is wrong in a definition is said with the file and the line where it stands.

Each wrong definition here marks its line with ``# here``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.core import definitions, write
from tidings import workspace
from tidings.domain import plain
from tidings.errors import DefinitionError
from tidings.hosts.check import check_workspace
from tidings.located import located

GOOD = """
lapsing:
  rule: {did_not: {event: Order Completed, within: 60d}}
"""
SEGMENTS = {
    "a span": """
        vip:
          label: Very important
          rule:
            all:
              - did: {event: Order Completed}
              - did:
                  event: Order Completed
                  within: 3 fortnights  # here
        """,
    "a setting that is none": """
        vip:
          rule:
            did:
              event: Order Completed
              at_leats: 3  # here
        """,
    "a comparison that is none": """
        vip:
          rule:
            did:
              event: Order Completed
              where:
                currency: GBP
                revenue: {at_leats: 3}  # here
        """,
    "a count": """
        vip:
          rule:
            did:
              event: Order Completed
              exactly: -1  # here
        """,
    "a comparison of a trait": """
        vip:
          rule:
            trait: x
            between: [3, 2]  # here
        """,
    "a comparison with a list": """
        vip:
          rule:
            any:
            - trait: x
              at_least: 3
            - trait: x
              exists: true
              at_least: [3]  # here
        """,
    "two kinds": """
        vip:
          rule:
            not:
              did: {event: A}
        other:
          rule:  # here
            did: {event: A}
            in_list: x
        """,
    "something beside a kind": """
        vip:
          rule:
            did: {event: A}
            colour: 3  # here
        """,
    "no rule": """
        other: {rule: {in_list: x}}
        vip:  # here
          label: x
        """,
    "a setting of a segment": """
        vip:
          rule: {in_list: x}
          labels: x  # here
        """,
    "a segment that is not there": """
        vip:
          rule:
            all:
              - in_list: x
              - in_segment: nobody  # here
        """,
    "a circle": """
        one:
          rule: {in_segment: two}
        two:
          rule:
            in_segment: one  # here
        """,
    "a step of a sequence": """
        vip:
          rule:
            sequence:
              steps:
                - event: A
                - event: B
                  within: soon  # here
        """,
    "what must not follow": """
        vip:
          rule:
            sequence:
              steps:
                - event: A
                - not: {event: B, where: {x: {in: 3}}}  # here
        """,
    "a day": """
        vip:
          rule:
            local_time:
              from: "09:00"
              to: "10:00"
              weekdays: [monday]  # here
        """,
    "what was named before": """
        one: &one
          rule:
            first:
              event: A
              within: x  # here
        two:
          label: Two
          <<: *one
        """,
    "what takes the place of something named before": """
        one: &one
          rule: {in_list: x}
          label: One
        two:
          <<: *one
          rule: {bought: x}  # here
        """,
    "a name with dots and colons": """
        "a.b: c[0]":
          rule:
            last: {event: A}  # here
        """,
    "a name twice": """
        one: {rule: {in_list: x}}
        two: {rule: {in_list: x}}
        one: {rule: {in_list: x}}  # here
        """,
    "no YAML": """
        one: {rule: {in_list: x}}
        two: rule: x  # here
        """,
    "a text": """
        one: {rule: {in_list: x}}
        two:
          rule: did A within 3  # here
        """,
    "a text in a list": """
        one:
          rule:
            any:
              - did A
              - did B where or  # here
        """,
    "a text over several lines": """
        one:
          rule: >  # here
            did A
            or did B within x
        """,
    "a list of segments": "- vip  # here",
    "an engagement": """
        vip:
          rule:
            engaged:
              with: read  # here
              within: 3d
        """,
    "machines": """
        vip:
          rule:
            engaged:
              with: opened
              machine: sometimes  # here
        """,
    "a purpose": """
        vip:
          rule:
            all:
              - consent: news
              - consent: ""  # here
        """,
    "a topic": """
        vip:
          rule:
            any:
              - subscribed: [news]  # here
        """,
    "a list": """
        vip:
          rule:
            not:
              in_list: 3  # here
        """,
    "the bound of a number": """
        vip:
          rule:
            average:
              event: A
              property: x
              at_most: many  # here
        """,
    "a number's comparison": """
        vip:
          rule:
            sum:
              event: A
              property: x
              contains: 3  # here
        """,
    "a date": """
        vip:
          rule:
            first:
              event: A
              before: tomorrow  # here
        """,
    "a date that events are counted from": """
        vip:
          rule:
            did_not:
              event: A
              since: then  # here
        """,
    "an event that is counted from": """
        vip:
          rule:
            did:
              event: A
              since_event:
                event: B
                within: 3d  # here
        """,
    "an age": """
        vip:
          rule:
            trait: x
            older_than: old  # here
        """,
    "a birthday": """
        vip:
          rule:
            anniversary:
              of: birthday
              in_next: a week  # here
        """,
    "a score": """
        vip:
          rule:
            score: value  # here
            recency: 5
        """,
}
TRAITS = {
    "a kind that is none": """
        a: {count: {event: A}}
        b:  # here
          cuont: {event: A}
        """,
    "a setting": """
        a:
          sum:
            event: A
            propertie: x  # here
        """,
    "no property": """
        a:
          sum:  # here
            event: A
        """,
    "a property that is none": """
        a:
          sum:
            event: A
            property: 3  # here
        """,
    "a half-life": """
        a:
          decayed_sum:
            event: A
            property: x
            half_life: 3  # here
        """,
    "an event": """
        a:
          count:
            event: []  # here
        """,
    "how many": """
        a:
          top:
            event: A
            property: x
            k: 1000  # here
        """,
    "what empties a cart": """
        a:
          cart:
            added: A
            emptied: 3  # here
        """,
    "a window": """
        a:
          count:
            event: A
            within: a while  # here
        """,
    "an instant": """
        a: {first: {event: A}}
        b:
          days_between:
            from: a
            to: z  # here
        """,
    "one of two": """
        a: {count: {event: A}}
        b:
          ratio:
            of: a
            per: c  # here
        """,
}
POLICY = {
    "a word": """
        marketing:
          consent: perhaps  # here
        """,
    "a setting": """
        marketing:
          consent: required
          caps: {at_most: 1, per: 1d}  # here
        """,
    "a cap": """
        marketing:
          cap:
            at_most: 1
            per: daily  # here
        """,
}
JOURNEY = {
    "a setting": """
        entry: {event: A}
        colour: 3  # here
        steps:
          - {id: s, exit: x}
        """,
    "an entry": """
        entry: {segment: nobody}  # here
        steps:
          - {id: s, exit: x}
        """,
    "a step without kind": """
        entry: {event: A}
        steps:
          - {id: s, wait: 3d}
          - {id: t}  # here
        """,
    "the same step": """
        entry: {event: A}
        steps:
          - id: s
            wait: 3d
          - wait: 3d
            id: s  # here
        """,
    "a step that it goes to": """
        entry: {event: A}
        steps:
          - id: s
            wait_until:
              event: B
              timeout: 3d
              on_event: nowhere  # here
        """,
    "a timeout": """
        entry: {event: A}
        steps:
          - id: s
            wait_until:
              event: B
              timeout: ever  # here
        """,
    "a rule of a branch": """
        entry: {event: A}
        steps:
          - id: s
            branch:
              if:
                all:
                  - trait: x
                    at_least: []  # here
        """,
    "a text of a branch": """
        entry: {event: A}
        steps:
          - id: s
            branch:
              if: trait x at leats 3  # here
        """,
    "a category": """
        entry: {event: A}
        steps:
          - id: s
            wait: 1d
          - id: t
            send:
              template: x
              category: post  # here
        """,
    "what restarts": """
        entry: {event: A}
        steps:
          - id: s
            wait_until:
              event: B
              timeout: 3d
              restart_on: [3]  # here
        """,
    "what ends it": """
        entry: {event: A}
        exit_on: 3  # here
        steps:
          - {id: s, exit: x}
        """,
    "how often": """
        entry: {event: A}
        reentry: never  # here
        steps:
          - {id: s, exit: x}
        """,
    "its name": """
        entry: {event: A}
        journey: 3  # here
        steps:
          - {id: s, exit: x}
        """,
    "a template": """
        entry: {event: A}
        steps:
          - id: t
            send:
              template: nothing  # here
        """,
}
CASES = [
    *(pytest.param("segments", text, id=f"segments: {name}") for name, text in SEGMENTS.items()),
    *(pytest.param("traits", text, id=f"traits: {name}") for name, text in TRAITS.items()),
    *(pytest.param("policy", text, id=f"policy: {name}") for name, text in POLICY.items()),
    *(pytest.param("jny", text, id=f"journey: {name}") for name, text in JOURNEY.items()),
]


@pytest.mark.parametrize(("file", "text"), CASES)
def test_the_line_is_the_one_where_it_is_wrong(file: str, text: str, tmp_path: Path) -> None:
    folder = write(tmp_path, **{file: text})
    path = folder / ("journeys/jny.yml" if file == "jny" else f"{file}.yml")
    wanted = next(number for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if "# here" in line)
    with pytest.raises(DefinitionError) as problem:
        check_workspace(folder, workspace.load(folder))
    assert re.match(rf"{path.relative_to(folder)}:{wanted}: \S", str(problem.value)), str(problem.value)


def test_the_path_inside_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        definitions(tmp_path, segments=SEGMENTS["a span"])
    assert str(problem.value).startswith(
        "segments.yml:9: vip.rule.all[1].did.within: not a duration: got '3 fortnights'"
    )


def test_settings_too(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("# where people are\ntimezone: Europe/Londn\n", "utf-8")
    with pytest.raises(
        DefinitionError, match=r"^settings.yml:2: timezone: unknown time zone.*did you mean Europe/London"
    ):
        workspace.load(tmp_path)


def test_an_unknown_setting_is_named_and_not_a_known_one(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("atimezone: x\n\ntimezone: UTC\nzone: x\n", "utf-8")
    with pytest.raises(DefinitionError, match=r"^settings.yml:1: unknown setting; got 'atimezone'"):
        workspace.load(tmp_path)


def test_a_map_of_a_source_too(tmp_path: Path) -> None:
    write(tmp_path, segments=GOOD)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "orders.yml").write_text(
        "name: orders\ntimestamp: {column: at, format: iso}\nevent_id: {hash: all}\nuser_id: {column: who}\ncases:\n  - event: 3\n"
    )
    with pytest.raises(DefinitionError, match=r"^orders.yml:6: cases\[0\]"):
        check_workspace(tmp_path, workspace.load(tmp_path))


def test_a_rule_that_another_file_takes_in_is_told_where_it_is_written(tmp_path: Path) -> None:
    """The journey is right; what it names is not."""
    journey = "entry: {event: A}\nsteps: [{id: s, branch: {if: {in_segment: other}}}]"
    with pytest.raises(DefinitionError, match=r"^segments.yml:2: other.rule.did: unknown setting"):
        definitions(tmp_path, segments="# others\nother: {rule: {did: {event: A, color: 3}}}", jny=journey)


def test_what_is_no_definition_error_is_left_alone() -> None:
    with pytest.raises(KeyError), located({"a.yml": "x: 1"}):
        raise KeyError("x")


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {<<: *a}",
        "a: &a {b: *a}",
        "a: &a [1]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1 or ''}, *a{n - 1 or ''}]" for n in range(1, 40)),
        "a: &a {}\n" + "\n".join(f"a{n}: &a{n} {{<<: [*a{n - 1 or ''}, *a{n - 1 or ''}]}}" for n in range(1, 40)),
        "[" * 2_000,
        "",
    ],
)  # fmt: skip
def test_looking_for_lines_ends_whatever_the_file_names_again(text: str) -> None:
    assert len(plain.lines(text)) <= plain.MAX_PATHS + 10_000
