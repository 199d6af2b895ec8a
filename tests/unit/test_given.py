"""given.yml: with it, names of events and traits that come from outside are closed, and a slip is told the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import definitions, write
from tidings import workspace
from tidings.domain.mention import EVENT, TRAIT, Mention
from tidings.errors import DefinitionError
from tidings.hosts.check import check_workspace
from tidings.located import DefinitionFiles
from tidings.workspace import Definitions

GIVEN = """
traits: [email, {name: plan, description: free or gold}]
events:
  - Order Completed
  - Product Added
"""
TRAITS = "revenue: {sum: {event: Order Completed, property: total}}"


def load(folder: Path, given: str, **files: str) -> Definitions:
    (folder / "given.yml").write_text(given, "utf-8")
    return definitions(folder, **files)


def refusal(folder: Path, given: str, **files: str) -> str:
    with pytest.raises(DefinitionError) as problem:
        load(folder, given, **files)
    return str(problem.value)


RULES = {
    "a computed trait": "trait revenue at least 3",
    "a given trait": 'trait plan is "gold"',
    "a given event": 'did "Order Completed" within 3d',
    "an event of ours": 'did "Email Link Clicked" or engaged opened or in_list x',
    "a call": "did [Page, Identify]",
    "whatever a property is called": 'did "Order Completed" where Nothing is "Such Thing"',
}
WRONG = {
    "a trait": ("trait plann is 3", "s.rule.trait: unknown trait; got 'plann'; did you mean plan? If not, add it to given.yml"),
    "a trait like a computed one": ("not trait Revenue at least 3", "s.rule.not.trait: unknown trait; got 'Revenue'; did you mean revenue?"),
    "a birthday": ("anniversary of birtday in next 7d", "s.rule.anniversary.of: unknown trait; got 'birtday'"),
    "a trait like no other": ("trait zzz is 3", "s.rule.trait: unknown trait; got 'zzz'; wanted revenue, email, plan; add it to given.yml"),
    "an event": ('did "Order Complete"', "s.rule.did.event: unknown event; got 'Order Complete'; did you mean Order Completed?"),
    "an event of several": ('trait plan is 1 or did ["Order Completed", Refund]', "s.rule.any[1].did.event[1]: unknown event; got 'Refund'"),
    "a moment": ("first A within 3d", "s.rule.first.event: unknown event; got 'A'"),
    "a number": ("sum total of A at least 3", "s.rule.sum.event: unknown event; got 'A'"),
    "an anchor": ('did "Product Added" since event A', "s.rule.did.since_event.event: unknown event; got 'A'"),
    "a step": ('sequence ("Product Added" then A)', "s.rule.sequence.steps[1].event: unknown event; got 'A'"),
    "what must not follow, in short": (
        "{sequence: {steps: [{event: Product Added}, {event: Product Added}, {not: [A]}]}}",
        "s.rule.sequence.steps[2].not[0]: unknown event; got 'A'",
    ),
    "what must not follow": ('sequence ("Product Added" then "Product Added" then not A)', "s.rule.sequence.steps[2].not.event: unknown"),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_name_that_is_given_is_taken(rule: str, tmp_path: Path) -> None:
    assert load(tmp_path, GIVEN, traits=TRAITS, segments=f"s:\n  rule: {rule}").segments.by_name


@pytest.mark.parametrize(("rule", "says"), WRONG.values(), ids=WRONG)
def test_another_one_is_refused(rule: str, says: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, GIVEN, traits=TRAITS, segments=f"s:\n  rule: {rule}").startswith(f"segments.yml:2: {says}")


@pytest.mark.parametrize(("rule", "says"), WRONG.values(), ids=WRONG)
def test_without_the_list_names_are_open(rule: str, says: str, tmp_path: Path) -> None:
    assert definitions(tmp_path, traits=TRAITS, segments=f"s:\n  rule: {rule}").segments.by_name
    assert load(tmp_path, "", traits=TRAITS, segments=f"s:\n  rule: {rule}").segments.by_name


def test_one_list_closes_its_own_names_only(tmp_path: Path) -> None:
    rule = "s:\n  rule: did A and trait b is 1"
    assert "unknown event; got 'A'" in refusal(tmp_path, "events: []", segments=rule)
    assert "unknown trait; got 'b'" in refusal(tmp_path, "traits: []", segments=rule)


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ("a:\n  count:\n    event: Order", "traits.yml:3: a.count.event: unknown event; got 'Order'"),
        (
            "a: {cart: {added: [Product Added], emptied: Gone}}",
            "traits.yml:1: a.cart.emptied: unknown event; got 'Gone'",
        ),
    ],
)
def test_computed_traits_name_events_too(traits: str, says: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, GIVEN, traits=traits).startswith(says)


ENTRY = "entry: {event: Order Completed}\n"
STEP = "steps:\n  - id: s\n    "


@pytest.mark.parametrize(
    ("journey", "says"),
    [
        ("entry: {event: Nothing}\n" + STEP + "exit: x", "2: entry.event: unknown event; got 'Nothing'"),
        (ENTRY + "exit_on: [Order Completed, Gone]\n" + STEP + "exit: x", "3: exit_on[1]: unknown event; got 'Gone'"),
        (ENTRY + STEP + "wait_until: {event: Gone, timeout: 1d}", "5: steps[0].wait_until.event: unknown event"),
        (
            ENTRY + STEP + "wait_until: {event: Page, timeout: 1d, restart_on: Gone}",
            "5: steps[0].wait_until.restart_on: unknown event; got 'Gone'",
        ),
        (
            ENTRY + STEP + "branch:\n        if:\n          all:\n            - trait: plann\n              equals: 1",
            "8: steps[0].branch.if.all[0].trait: unknown trait; got 'plann'; did you mean plan?",
        ),
    ],
)
def test_journeys_too(journey: str, says: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, GIVEN, jny=journey).startswith(f"journeys/jny.yml:{says}")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("traits: email", "given.yml:1: traits: needs a list of at most 5,000 names; got 'email'"),
        ("traits: [a]\nevent: [b]", "given.yml:2: unknown setting; got 'event'; wanted events, traits"),
        ("traits:\n  - a\n  - b\n  - a", "given.yml:4: traits[2]: a name comes twice; got 'a'"),
        ("events:\n  - {description: x}", "given.yml:2: events[0]: needs a name"),
        ("events:\n  - name: a\n    about: x", "given.yml:3: events[0]: unknown setting; got 'about'"),
        ("events: [3]", "given.yml:1: events[0]: needs a name; got 3"),
    ],
)
def test_a_list_that_is_wrong_is_told_where(given: str, says: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, given).startswith(says)


def test_every_kind_says_what_it_names(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        traits="a: {ratio: {of: b, per: b}}\nb: {count: {event: [A, B]}}",
        segments="s: {rule: {all: [{trait: t, exists: true}, {did_not: {event: C}}, {local_time: {weekdays: [mon]}}]}}",
        jny="entry: {segment: s}\nsteps: [{id: x, branch: {if: {in_segment: s}}}, {id: y, wait: 1d}, {id: z, exit: done}]",
    )
    workspace.load(folder)
    assert list(workspace.mentions(DefinitionFiles(folder))) == [
        Mention(EVENT, "A", "traits.yml: b.count.event[0]"),
        Mention(EVENT, "B", "traits.yml: b.count.event[1]"),
        Mention(TRAIT, "t", "segments.yml: s.rule.all[0].trait"),
        Mention(EVENT, "C", "segments.yml: s.rule.all[1].did_not.event"),
    ]


def test_a_trait_that_looks_like_a_computed_one_is_noted_while_names_are_open(tmp_path: Path) -> None:
    folder = write(
        tmp_path, traits=TRAITS, segments="a:\n  rule: trait revenu at least 3\nb: {rule: trait country is 1}"
    )
    assert check_workspace(folder, workspace.load(folder)) == [
        "segments.yml:2: a.rule.trait: trait revenu is not computed, so it must come from outside; did you mean revenue?"
    ]


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("segments", "lapsing: {rule: did A}\nb: {rule: in_segment lapsng}", "unknown segment; got 'lapsng'; did you mean lapsing?"),
        ("jny", ENTRY + STEP + "wait: 1d\n  - id: t\n    branch: {if: did A, then: S}", "unknown step; got 'S'; did you mean s?"),
        ("jny", ENTRY + STEP + "send: {template: t, category: Marketting}", "unknown category; got 'Marketting'; did you mean marketing?"),
        ("jny", "entry: {segment: lapsng}\n" + STEP + "exit: x", "unknown segment; got 'lapsng'; define it in segments.yml"),
    ],
)  # fmt: skip
def test_names_that_a_workspace_defines_itself_are_always_closed(
    file: str, text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(DefinitionError) as problem:
        definitions(tmp_path, **{file: text})
    assert says in str(problem.value)


def test_a_trait_made_of_others_too(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        definitions(
            tmp_path, traits=f"{TRAITS}\nn: {{count: {{event: A}}}}\nmean:\n  ratio:\n    of: revenu\n    per: n"
        )
    wanted = "unknown trait; got 'revenu'; did you mean revenue? If not, define it in traits.yml"
    assert str(problem.value) == f"traits.yml:5: mean.ratio.of: {wanted}"


def test_a_template_too(tmp_path: Path) -> None:
    folder = write(tmp_path, jny=ENTRY + STEP + "send: {template: welcom}")
    (folder / "templates").mkdir()
    (folder / "templates" / "welcome.mjml").write_text("")
    with pytest.raises(DefinitionError, match=r"5: .*unknown template; got 'welcom'; did you mean welcome"):
        check_workspace(folder, workspace.load(folder))
