"""Journey tests: the templates ship with theirs, which run here; what fails is told with file and line; tests change no version."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from tidings import workspace
from tidings.cli import main
from tidings.hosts.scaffold import TEMPLATES, scaffold
from tidings.testing import Rehearsal, trials, workspace_tests
from tidings.testing.rehearsal import WorkspaceTest
from tidings.trials.base import JOURNEY, TEMPLATE
from tidings.versions import files

WORKSPACES = Path(workspace.__file__).parent / "workspaces"
RETAIL = WORKSPACES / "retail"


@pytest.mark.parametrize("test", [one for name in TEMPLATES for one in workspace_tests(WORKSPACES / name)], ids=str)
def test_the_templates_do_what_their_tests_say(test: WorkspaceTest) -> None:
    test()


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_journey_of_a_template_has_a_test_that_it_writes_and_one_that_it_does_not(name: str) -> None:
    definitions = workspace.load(WORKSPACES / name)
    acts = [
        (trial.name, type(act).__name__, thing)
        for file in trials.files(WORKSPACES / name)
        for trial in file.trials
        for _, act in trial.acts
        for kind, thing in act.names()
        if kind in (TEMPLATE, JOURNEY)
    ]
    for journey in definitions.journeys.values():
        templates = {step.template for step in journey.steps.values() if hasattr(step, "template")}
        written = {test for test, act, thing in acts if act == "Message" and thing in templates}
        not_written = {
            test
            for test, act, thing in acts
            if act in ("Refused", "NoRun", "HasEnded") and thing in {*templates, journey.name}
        }
        assert written, journey.name
        assert not_written - written, journey.name


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(main, ["test", str(folder), *arguments])
    return ran.exit_code, " ".join(ran.output.split())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = shutil.copytree(RETAIL, tmp_path / "workspace")
    shutil.rmtree(folder / "tests")
    (folder / "tests").mkdir()
    return folder


def write(shop: Path, *acts: str, more: str = "") -> None:
    lines = [more, "tests:", "  - name: carts", "    do:", *(f"      - {one}" for one in acts)]
    (shop / "tests/carts.yml").write_text("\n".join(line for line in lines if line) + "\n", "utf-8")


ADDED = "{event: Product Added, properties: {product_id: P1}}"


def test_init_brings_the_tests_along_and_they_pass(tmp_path: Path) -> None:
    made = dict(scaffold(tmp_path / "shop"))
    assert tmp_path / "shop/workspace/tests" in made
    code, output = run(tmp_path / "shop/workspace")
    assert code == 0
    assert "13 passed" in output


def test_tests_are_no_part_of_the_version(tmp_path: Path) -> None:
    folder = shutil.copytree(RETAIL, tmp_path / "workspace")
    before = files.version_of(files.read(folder))
    (folder / "tests/abandoned_cart.yml").write_text("tests: []\n", "utf-8")
    assert files.version_of(files.read(folder)) == before
    assert not [one for one in files.read(folder) if one.startswith("tests/")]


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (
            "{message: abandoned_cart, at: 6m}",
            "expected message abandoned_cart to ann at 6m; messages so far: abandoned_cart at 5m (sent)",
        ),
        ("{message: win_back}", "expected message win_back to ann; messages so far"),
        ("{no_message: true}", "expected no further message to ann"),
        ("{no_message: abandoned_cart}", "expected no abandoned_cart message"),
        ("{refused: abandoned_cart}", "to be refused; messages so far: abandoned_cart at 5m (sent)"),
        ("{run: abandoned_cart}", "expected ann in journey abandoned_cart"),
        ("{ended: abandoned_cart, outcome: bought}", "with outcome 'bought'; it ended with 'reminded'"),
        ("{ended: win_back}", "to have ended journey win_back"),
        ("{in_segment: high_value}", "expected ann in segment high_value; she is in open_cart"),
        ("{not_in_segment: open_cart}", "expected ann not in segment open_cart"),
        ("{trait: orders, equals: 1}", "expected trait orders of ann to be 1; got 0"),
    ],
)
def test_what_is_not_as_expected_is_told_with_its_line(shop: Path, expected: str, says: str) -> None:
    write(shop, ADDED, "advance: 10m", f"expect: {expected}")
    code, output = run(shop)
    assert code == 1
    assert "tests/carts.yml:6: tests[0].do[2]" in output
    assert says in output
    assert "1 failed, 0 passed" in output


def test_a_run_that_goes_on_is_no_absence_of_one(shop: Path) -> None:
    write(shop, ADDED, "expect: {no_run: abandoned_cart}")
    assert run(shop)[0] == 1
    write(shop, ADDED, "expect: {run: abandoned_cart, step: remind}")
    assert run(shop)[0] == 1
    write(shop, ADDED, "expect: {run: abandoned_cart, step: left_alone}")
    assert run(shop)[0] == 0


def test_each_message_is_expected_once(shop: Path) -> None:
    write(shop, ADDED, "advance: 10m", *["expect: {message: abandoned_cart}"] * 2)
    assert run(shop)[0] == 1


@pytest.mark.parametrize(
    ("acts", "says"),
    [
        ([ADDED, "expect: {message: abandonned_cart}"], "tests/carts.yml:5: tests[0].do[1]: unknown template"),
        (["expect: {run: nothing}"], "tests/carts.yml:4: tests[0].do[0]: unknown journey"),
        (["{evnt: Product Added}"], "needs exactly one thing that happens"),
        (["expect: {}"], "needs exactly one thing"),
        (["{event: Product Added, person: eve}"], "nobody of that name"),
        (["advance: soon"], "not a duration"),
        (["{event: Product Added, anonymous: true}"], "needs a `device`"),
        (["{event: Product Added, colour: red}"], "unknown setting"),
        (["{at: 2h, event: Product Added}", "{at: 1h, event: Product Added}"], "comes before what stands above it"),
        (["{at: 2h, after: 1h, event: Product Added}"], "use `at` or `after`"),
    ],
)
def test_a_test_that_is_written_wrong_is_told_with_its_line(shop: Path, acts: list[str], says: str) -> None:
    write(shop, *acts)
    code, output = run(shop)
    assert code == 2
    assert "tests/carts.yml:" in output
    assert says in output


SECOND = """
journey: thanks_for_the_cart
entry: {event: Product Added}
steps: [{id: write, send: {template: welcome, category: transactional}}]
"""


def test_a_journey_that_is_added_breaks_no_test_that_names_its_own(shop: Path) -> None:
    (shop / "journeys/second.yml").write_text(SECOND, "utf-8")
    acts = ["{event: Product Added, properties: {product_id: P1}}", "expect: {no_message: true}"]
    write(shop, *acts)
    code, said = run(shop)
    assert (code, "messages so far: welcome at 0s (sent)" in said) == (1, True), said
    write(shop, *acts, more="journeys: [abandoned_cart]")
    assert run(shop)[0] == 0
    write(shop, *acts, more="journeys: [abandonned_cart]")
    code, said = run(shop)
    assert code == 2
    assert "tests/carts.yml:1: journeys[0]: unknown journey; got 'abandonned_cart'" in said
    assert "abandoned_cart" in said.partition("got ")[2]


def test_only_some_can_be_run_and_none_is_an_error(shop: Path) -> None:
    write(shop, ADDED, "expect: {no_message: true}")
    assert run(shop, "-k", "carts.yml")[0] == 0
    code, output = run(shop, "-k", "elephants")
    assert code == 2
    assert "none has 'elephants' in its name" in output
    shutil.rmtree(shop / "tests")
    assert "there are none" in run(shop)[1]


def test_results_come_as_json_too(shop: Path) -> None:
    write(shop, ADDED, "expect: {no_message: true}")
    ran = CliRunner().invoke(main, ["test", str(shop), "--json"])
    (found,) = json.loads(ran.output)
    assert (found["file"], found["name"], found["failure"]) == ("tests/carts.yml", "carts", "")


def test_people_devices_and_lateness(shop: Path) -> None:
    """Her phone, on which she signed in, tells an hour late of what she put in the cart: the wait was over before it was known."""
    write(
        shop,
        "{event: Signed In, device: phone}",
        "{event: Product Added, device: phone, anonymous: true, properties: {product_id: P1}, late: 1h}",
        "{expect: {message: abandoned_cart, at: 0s}}",
        "{expect: {no_message: true}, person: bob}",
        "{withdraw: marketing, person: bob}",
        "{event: Product Added, person: bob, properties: {product_id: P1}}",
        "{after: 10m, expect: {refused: abandoned_cart, reason: consent_withdrawn}, person: bob}",
        "{identify: {plan: gold}}",
        "{expect: {trait: plan, equals: gold}}",
        more="people: {ann: {}, bob: {timezone: Europe/Madrid}}",
    )
    assert run(shop)[0] == 0, run(shop)[1]


def test_webhooks_answer_as_a_test_says(shop: Path) -> None:
    (shop / "webhooks.yml").write_text("crm: {url: https://crm.example/score}\n", "utf-8")
    journey = "journey: scored\nentry: {event: Asked}\nsteps:\n  - id: ask\n    webhook: {name: crm, timeout: 1h}\n"
    journey += "  - id: well\n    branch: {answer: ask, where: {score: {at_least: 5}}, then: write, else: exit}\n  - id: write\n    send: {template: welcome}\n"
    (shop / "journeys/scored.yml").write_text(journey, "utf-8")
    acts = ["event: Asked", "advance: 2h"]
    write(
        shop,
        *acts,
        "expect: {message: welcome, at: 2s}",
        more="answers: {crm: {status: 200, body: {score: 7}, after: 2s}}",
    )
    assert run(shop)[0] == 0, run(shop)[1]
    write(shop, *acts, "expect: {no_message: true}", more="answers: {ask: {status: 500}}")
    assert run(shop)[0] == 0, run(shop)[1]
    write(shop, *acts, "expect: {no_message: true}", "expect: {ended: scored}")
    assert run(shop)[0] == 0, run(shop)[1]


def test_the_same_from_python() -> None:
    rehearsal = Rehearsal(RETAIL)
    ann = rehearsal.person("ann")
    bob = rehearsal.person("bob", consents=[])
    for one in (ann, bob):
        one.does("Product Added", product_id="P1", price=20)
    rehearsal.expect_run("abandoned_cart", of=ann, step="left_alone")
    rehearsal.clock.advance("5m")
    rehearsal.expect_message("abandoned_cart", to=ann, at="5m")
    rehearsal.expect_no_message(to=ann)
    rehearsal.expect_refused("abandoned_cart", to=bob, reason="no_consent")
    rehearsal.expect_ended("abandoned_cart", of=ann, outcome="reminded")
    ann.has(plan="gold")
    assert ann.trait("plan") == "gold"
    assert ann.segments == ["open_cart"]
    with pytest.raises(AssertionError, match="expected message abandoned_cart to ann"):
        rehearsal.expect_message("abandoned_cart", to=ann)


def test_results_are_plain_data() -> None:
    (first, *_) = trials.run(RETAIL, "five minutes")
    assert msgspec.json.decode(msgspec.json.encode(first))["failure"] == ""
