"""The console's pages say what the data directory holds."""

from __future__ import annotations

import re
import shutil
import sqlite3
from html import unescape
from pathlib import Path

import pytest

from tests.unit.console.build import NOW_US, PEOPLE, World
from tests.unit.console.web import Answer, Visitor
from tests.unit.deliver.test_caller import NOW_US as CALLED_US
from tests.unit.deliver.test_caller import intent as call
from tidings.clock import ManualClock
from tidings.config import Config
from tidings.console import show
from tidings.console.app import create_app, create_inbox_app
from tidings.deliver.calls import Calls
from tidings.domain import outward
from tidings.workspace import __file__ as workspace_file

RETAIL = Path(workspace_file).parent / "workspaces" / "retail"
PAGES = (
    "/",
    "/people",
    "/segments",
    "/journeys",
    "/journeys/abandoned_cart",
    "/definitions",
    "/messages",
    "/rejected",
    "/inbox",
)


def figure(page: Answer, key: str) -> int:
    """A live figure on a page."""
    found = re.search(rf'data-n="{re.escape(key)}">([\d,]+)<', page.text)
    assert found, key
    return int(found[1].replace(",", ""))


def words(page: Answer) -> str:
    """What a reader sees: no tags, single spaces."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


def profile(world: World, name: str) -> str:
    db = sqlite3.connect(world.config.data / "serving.db")
    found = db.execute("SELECT profile_id FROM people WHERE name = ?", (name,)).fetchone()
    db.close()
    return str(found[0])


def rows(world: World, file: str, question: str, *values: object) -> list[tuple]:
    db = sqlite3.connect(world.config.data / file)
    found = db.execute(question, values).fetchall()
    db.close()
    return found


def messages(world: World, state: str) -> list[str]:
    return [row[0] for row in rows(world, "ledger.db", "SELECT message_id FROM messages WHERE state = ?", state)]


# Overview


def test_the_overview_accounts_for_every_record_of_the_log(console: Visitor, world: World) -> None:
    page = console.get("/")

    parts = [figure(page, part) for part in ("applied", "duplicate", "rejected", "waiting")]
    assert figure(page, "received") == world.log.head() == sum(parts)
    assert parts[1:] == [1, 7, 0]
    assert 'data-ok="yes"' in page.text
    assert figure(page, "source:app:rejected") == 2
    states = ("accepted", "suppressed", "refused", "in_doubt", "queued")
    assert figure(page, "decided") == sum(figure(page, state) for state in states) == 14


def test_what_is_not_processed_yet_is_waiting(tmp_path: Path) -> None:
    world = World(tmp_path, NOW_US)
    world.track({"userId": "u1"}, "Hello")
    world.run()
    world.track({"userId": "u1"}, "Hello again")

    page = Visitor(create_app(world.config)).get("/")

    assert (figure(page, "received"), figure(page, "applied"), figure(page, "waiting")) == (2, 1, 1)
    assert 'data-ok="yes"' in page.text
    world.close()


def test_figures_that_do_not_add_up_are_shown_as_such(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.config.data, tmp_path / "data")
    db = sqlite3.connect(tmp_path / "data" / "serving.db")
    db.execute("UPDATE counts SET applied = applied + 1 WHERE source = 'web'")
    db.commit()
    db.close()

    page = Visitor(create_app(Config(data=tmp_path / "data", workspace=world.config.workspace))).get("/")

    assert 'data-ok="no"' in page.text


def test_the_overview_says_which_webhook_goes_wrong_and_why(world: World, tmp_path: Path) -> None:
    calls = Calls(tmp_path / "calls.db")
    calls.add([], [call(1, webhook="crm"), call(2, webhook="crm"), call(3, webhook="fine")])
    answer = outward.Answer(result="failed", status=301, error="redirect: <b>301</b>")
    calls.finish(call(1, webhook="crm"), answer, now_us=CALLED_US)
    calls.finish(call(3, webhook="fine"), outward.Answer(result="ok", status=200), now_us=CALLED_US)
    calls.close()

    page = Visitor(create_app(Config(data=tmp_path, workspace=world.config.workspace))).get("/").text

    rows = re.findall(r'data-webhook="(\w+)">(.*?)</tr>', page)
    assert [name for name, _ in rows] == ["crm", "fine"]
    assert "1 wrong in a row: redirect: &lt;b&gt;301" in rows[0][1]
    assert re.findall(r'<td class="right">(\d+)', rows[0][1]) == ["0", "1", "1"]
    assert re.findall(r'<td class="right">(\d+)', rows[1][1]) == ["1", "0", "0"]


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_data_directory_has_pages_that_say_what_to_do_and_stays_empty(path: str, tmp_path: Path) -> None:
    page = Visitor(create_app(Config(data=tmp_path / "none", workspace=RETAIL))).get(path)

    assert page.status == 200
    assert 'class="empty"' in page.text or ">0</b>" in page.text
    assert not (tmp_path / "none").exists()


def test_an_event_is_shown_as_it_arrived_and_saved_byte_for_byte(console: Visitor, world: World) -> None:
    page = console.get("/events/113")

    assert "Rejected: Missing identifier." in words(page)
    saved = console.get("/events/113/bytes")
    assert saved.body == world.log.read(113, 1)[0].records[0].body
    assert saved.headers["content-disposition"] == 'attachment; filename="event-113.json"'
    assert console.get("/events/999999").status == 404
    assert console.get("/events/abc").status == 404


# People


def test_people_are_listed_newest_active_first_and_paged_without_gaps(tmp_path: Path) -> None:
    world = World(tmp_path, NOW_US)
    for number in range(95):
        world.clock.advance(1_000_000 if number % 3 else 0)  # some share their instant
        world.tell("page", {"userId": f"user-{number:03}"})
    world.run()
    visitor, path, seen = Visitor(create_app(world.config)), "/people", []
    while path:
        page = visitor.get(path)
        seen += re.findall(r"<b>(user-\d+)</b>", page.text)
        more = re.search(r'href="(/people\?before[^"]+)"', page.said)
        path = more[1] if more else ""
    world.close()

    assert sorted(seen) == [f"user-{number:03}" for number in range(95)]
    assert seen[0] == "user-094"


@pytest.mark.parametrize(
    "query",
    ["anna@example.com", "demo-anna@example.com", "anon-0000-7c1e-4f", "anon-0000", "Anna B", "berger", "ANNA@EX"],
)
def test_a_person_is_found_by_address_id_any_identifier_or_part_of_the_name(
    query: str, console: Visitor, world: World
) -> None:
    page = console.get(f"/people?q={query.replace(' ', '+')}")

    assert re.findall(r"/people/([0-9a-f]{24})", page.text)[0] == profile(world, "Anna Berger")


def test_a_search_takes_wildcards_as_letters_and_finds_nobody_politely(console: Visitor) -> None:
    for query in ("%", "_", "%25%25", "' OR 1=1 --", "\\"):
        assert "Nobody found" in console.get(f"/people?q={query}").text, query


def test_an_absorbed_profile_leads_to_who_it_became(console: Visitor, world: World) -> None:
    absorbed, survivor = rows(world, "serving.db", "SELECT absorbed, survivor FROM merges")[0]
    console.follow = False

    answer = console.get(f"/people/{absorbed}")

    assert answer.headers["location"] == f"/people/{survivor}"
    assert console.get("/people/" + "0" * 24).status == 404


def test_a_person_shows_traits_consent_with_evidence_runs_messages_and_merges(console: Visitor, world: World) -> None:
    text = words(console.get(f"/people/{profile(world, 'Anna Berger')}"))

    assert "first_name Anna given" in text
    assert "Marketing given" in text
    assert "Send me news, offers and a reminder when I leave something in my basket." in text
    assert "by checkbox, evidence: event" in text
    assert "Open cart" in text
    assert "left_alone no Order Completed within 5m" in text
    assert "Frequency cap" in text
    assert "Joined with" in text
    assert f"2 {show.TIMES} White Hanging Heart T-Light Holder 5.90" in text


def test_a_timeline_shows_each_event_once_over_its_pages(tmp_path: Path) -> None:
    world = World(tmp_path, NOW_US)
    for number in range(75):
        world.clock.advance(0 if number % 4 else 1_000)
        world.track({"userId": "u1"}, f"Event {number:02}")
    world.run()
    visitor, seen = Visitor(create_app(world.config)), []
    base = visitor.get("/people?q=u1").text.split('class="people"')[1].split('href="')[1].split('"')[0]
    path = base
    while path:
        page = visitor.get(path)
        seen += re.findall(r"<b>(Event \d\d)</b>", page.text)
        older = re.search(r'href="(\?before=\d+&offset=\d+)">Earlier', page.said)
        path = base + older[1] if older else ""
    world.close()

    assert seen == [f"Event {number:02}" for number in range(74, -1, -1)]


# Segments and journeys


def test_a_segment_says_its_rule_in_words_and_counts_its_members(console: Visitor, world: World) -> None:
    page = console.get("/segments")

    members = rows(world, "serving.db", "SELECT count(*) FROM members WHERE segment = 'open_cart'")[0][0]
    assert figure(page, "segment:open_cart") == members > 3
    assert "cart is not empty" in words(page)
    one = words(console.get("/segments/open_cart"))
    assert "Anna Berger" in one
    assert "Something lies in the cart." in one
    assert console.get("/segments/nothing").status == 404


def test_a_workspace_with_a_mistake_shows_it_and_leaves_the_rest_alone(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.config.workspace, tmp_path / "workspace")
    (tmp_path / "workspace" / "segments.yml").write_text("high_value: {rule: {trait: nothing_such}}\n")
    visitor = Visitor(create_app(Config(data=world.config.data, workspace=tmp_path / "workspace")))

    assert "segments.yml:1: high_value" in visitor.get("/segments").said
    assert visitor.get("/").status == 200
    assert visitor.get(f"/people/{profile(world, PEOPLE[0])}").status == 200


def test_definitions_are_read_again_when_a_file_changes(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.config.workspace, tmp_path / "workspace")
    visitor = Visitor(create_app(Config(data=world.config.data, workspace=tmp_path / "workspace")))
    assert "Big spenders" not in visitor.get("/segments").text

    path = tmp_path / "workspace" / "segments.yml"
    path.write_text(path.read_text().replace("label: High value", "label: Big spenders"))

    assert "Big spenders" in visitor.get("/segments").text


def test_a_journey_is_drawn_with_the_runs_at_each_step(console: Visitor, world: World) -> None:
    page = console.get("/journeys/abandoned_cart")

    text = words(page)
    assert "no Order Completed within 5m" in text
    assert "Order Completed → Bought" in text
    assert "no → Emptied" in text
    asked = "SELECT count(*) FROM runs WHERE state = 'active' AND step = 'left_alone'"
    assert figure(page, "at:abandoned_cart:left_alone:active") == rows(world, "serving.db", asked)[0][0] == 4
    assert figure(page, "entered:abandoned_cart") == rows(world, "serving.db", "SELECT count(*) FROM runs")[0][0]
    assert "Bought before the reminder 3" in text


def test_a_journey_that_goes_by_time_says_when_it_is_next(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.config.workspace, tmp_path / "workspace")
    text = 'journey: news\nentry: {schedule: {at: "09:00", rule: {did: {event: Go}}}}\nsteps: [{id: wait, wait: 1d}]\n'
    (tmp_path / "workspace" / "journeys" / "news.yml").write_text(text)
    visitor = Visitor(create_app(Config(data=world.config.data, workspace=tmp_path / "workspace")))

    said = words(visitor.get("/journeys/news"))

    assert "meets the rule (did Go) at 09:00 where the person is, every day" in said
    assert re.search(r"next .*09:00.* for who has no time zone of her own", said)


# Messages


def test_what_may_go_to_one_person_is_said_beside_the_messages(console: Visitor) -> None:
    text = words(console.get("/messages"))
    assert "Marketing Needs consent. At most 2 marketing messages in 1d. What a cap refuses is dropped." in text
    assert "Transactional Needs no consent; a withdrawal counts all the same. Exempt from what holds across" in text


def test_messages_can_be_narrowed_to_a_state(console: Visitor, world: World) -> None:
    assert len(re.findall(r'href="/messages/[0-9a-f]{32}"', console.get("/messages").text)) == 14
    for state in ("accepted", "suppressed", "refused", "in_doubt", "queued"):
        page = console.get(f"/messages?state={state}")
        assert re.findall(r'href="/messages/([0-9a-f]{32})"', page.text).sort() == messages(world, state).sort()
        assert len(re.findall(r'href="/messages/([0-9a-f]{32})"', page.text)) == len(messages(world, state))


def test_why_a_message_was_sent_is_a_chain_from_the_event_to_the_answer(console: Visitor, world: World) -> None:
    page = console.get(f"/messages/{world.handed_over[0]}")

    titles = re.findall(r'chain-title"><b>(.*?)</b>', page.said)
    assert titles == [
        "Product Added",
        "Waits for Order Completed, at most 5m",
        "No Order Completed within 5m",
        "Cart is not empty: yes (1 item)",
        "Consent to marketing given",
        "Frequency cap not reached",
        "Decided to send abandoned_cart",
        "By these definitions",
        "With these values",
        "Rendered “Anna, your basket is still here”",
        "Handed over, attempt 1",
        "Email Opened",
        "Email Link Clicked",
    ]
    text = words(page)
    assert (
        f"White Hanging Heart T-Light Holder · £2.95 {show.TIMES} 2 started the journey abandoned cart · event" in text
    )
    assert "bought with 85123A in 112 of 1,893 orders" in text
    assert "250 2.0.0 stored" in text
    assert "Waited 5 min, until" in text
    assert "person.first_name Anna (read by template)" in text


def test_what_came_of_it_later_ends_the_chain(console: Visitor, world: World) -> None:
    page = console.get(f"/messages/{world.handed_over[1]}")
    assert re.findall(r'chain-title"><b>(.*?)</b>', page.said)[-2:] == ["Email Opened", "Email Bounced"]
    assert "soft: the mailbox is full" in words(page)


def test_why_a_message_was_not_sent_names_the_reason(console: Visitor, world: World) -> None:
    pages = [words(console.get(f"/messages/{one}")) for one in messages(world, "suppressed")]

    assert sum("Not sent: No consent. This person never agreed" in page for page in pages) == 2
    capped = [
        page for page in pages if "Frequency cap reached 2 of at most 2 marketing messages in the 1d before" in page
    ]
    assert len(capped) == 2
    assert all(page.count("abandoned_cart (accepted)") == 2 for page in capped), "the messages that it counted"
    assert "Decided not to send" in capped[0]


def test_a_refusal_and_a_doubt_say_what_is_known(console: Visitor, world: World) -> None:
    refused = words(console.get(f"/messages/{messages(world, 'refused')[0]}"))
    doubtful = words(console.get(f"/messages/{messages(world, 'in_doubt')[0]}"))

    assert "Refused: Mailbox unknown." in refused
    assert "550 5.1.1 no such user here" in refused
    assert "In doubt: Connection lost before the answer." in doubtful
    assert console.get("/messages/" + "0" * 32).status == 404


def test_the_mail_is_rendered_again_without_tracking_and_in_a_sandbox(console: Visitor, world: World) -> None:
    page = console.get(f"/messages/{world.handed_over[0]}")
    body = console.get(f"/messages/{world.handed_over[0]}/body")

    assert f'src="/messages/{world.handed_over[0]}/body" sandbox=""' in page.text
    assert "rendered again from the ledger, without tracking" in page.text
    assert "Anna, your basket is still here" in body.text
    assert f"{world.config.public_url}/o/" not in body.text
    assert f"{world.config.public_url}/c/" not in body.text
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; img-src data: http://127.0.0.1:8302;")
    assert "frame-ancestors 'self'" in policy


def test_a_suppressed_mail_has_a_preview_that_says_so(console: Visitor, world: World) -> None:
    message_id = messages(world, "suppressed")[0]

    assert "a preview: it was never sent" in console.get(f"/messages/{message_id}").text
    assert "your basket is still here" in console.get(f"/messages/{message_id}/body").text


def test_without_its_template_the_inbox_copy_is_shown_and_its_pixel_is_barred(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.config.data, tmp_path / "data")
    db = sqlite3.connect(tmp_path / "data" / "ledger.db")
    db.execute("DELETE FROM kept")
    db.commit()
    db.close()
    visitor = Visitor(create_app(Config(data=tmp_path / "data", workspace=world.config.workspace)))

    body = visitor.get(f"/messages/{world.handed_over[0]}/body")

    assert "as the inbox received it" in visitor.get(f"/messages/{world.handed_over[0]}").text
    assert "127.0.0.1:8300" in body.text
    assert "127.0.0.1:8300" not in body.headers["content-security-policy"]


# Rejected


def test_rejected_events_are_grouped_with_counts_and_show_what_was_sent(console: Visitor) -> None:
    page = console.get("/rejected?source=web&reason=missing_identifier")
    assert words(console.get("/rejected")) == words(
        page
    )  # the largest group is open, so that there is something to see

    text = words(page)
    assert "Missing identifier web 3" in text
    assert "Bad json web 1" in text
    assert "wanted userId or anonymousId; send at least one of them" in text
    assert text.count('"event" : "Product Viewed"') == 3
    line = console.get("/rejected?source=online_retail&reason=missing_customer")
    assert "536414,22139,,56,2010-12-01 11:52:00,0,,United Kingdom" in line.said


# Inbox


def test_the_inbox_lists_the_newest_mail_first_and_opens_it(console: Visitor, world: World) -> None:
    page = console.get("/inbox")

    assert re.findall(r'<li data-id="(\d+)">', page.text) == [str(n) for n in range(world.inbox.count(), 0, -1)]
    assert figure(page, "mails") == world.inbox.count()
    newest = world.inbox.list(1)[0]
    assert newest.subject in page.said
    assert "Marigold & Co" in page.said
    assert f'href="/messages/{newest.message_id[1:33]}">Why was this sent?' in page.text


def test_a_mail_has_html_text_and_source(console: Visitor, world: World) -> None:
    html = console.get("/inbox/1/body")
    raw = world.inbox.get(1)
    assert raw is not None

    assert html.headers["content-security-policy"].startswith(
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"
    )
    assert '<base target="_blank">' in html.text
    assert "Return to my basket" in console.get("/inbox/1?view=text").text
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in console.get("/inbox/1?view=source").text
    assert console.get("/inbox/1/raw").body == raw[1]
    assert console.get("/inbox/999").status == 404


def test_the_inbox_works_alone(world: World) -> None:
    alone = Visitor(create_inbox_app(world.config))

    page = alone.get("/")
    assert re.findall(r'<li data-id="(\d+)">', page.text)[0] == str(world.inbox.count())
    assert "/people" not in page.text
    assert "Why was this sent?" not in page.text
    assert alone.get("/inbox/1/body").status == 200
    assert alone.get("/people").status == 404


# Nothing changes anything, and every answer is guarded


def test_every_page_carries_the_policy_and_no_inline_script_or_style(console: Visitor, world: World) -> None:
    person, message = profile(world, PEOPLE[0]), world.handed_over[0]
    more = (
        f"/people/{person}",
        "/segments/high_value",
        f"/messages/{message}",
        "/events/3",
        "/nothing",
        "/static/console.css",
    )
    for path in (*PAGES, *more):
        answer = console.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "script-src 'self';" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", answer.text) or path.startswith("/static"), (
            path
        )


def test_no_route_takes_anything_but_reads(console: Visitor) -> None:
    for path in ("/", "/people", "/inbox/1", "/messages", "/live"):
        assert console.post(path).status == 405, path
        assert console.post(path, origin="http://evil.example").status == 403, path


def test_a_rebound_name_is_not_served(console: Visitor) -> None:
    assert console.get("/", host="evil.example").status == 421
    assert console.get("/", host="localhost:8301").status == 200


def test_relative_times_are_relative_to_the_clock(world: World) -> None:
    soon = Visitor(create_app(world.config, clock=ManualClock(NOW_US))).get("/messages").text
    later = Visitor(create_app(world.config, clock=ManualClock(NOW_US + 86_400_000_000))).get("/messages").text

    assert "min ago</time>" in soon
    assert "1 d ago</time>" in later


def test_why_not_is_a_page_for_each_person_and_journey(console: Visitor, world: World) -> None:
    anna = profile(world, "Anna Berger")
    assert f"/people/{anna}/why-not/abandoned_cart" in console.get(f"/people/{anna}").text

    capped = words(console.get(f"/people/{anna}/why-not/abandoned_cart"))
    never = words(console.get(f"/people/{anna}/why-not/win_back"))

    assert "and not sent (frequency_cap). This person has already had as many messages" in capped
    assert capped.count("abandoned_cart (accepted)") == 2
    assert "Never entered: a run begins when somebody enters segment winnable_back; this person never did." in never
    assert console.get(f"/people/{anna}/why-not/nothing").status == 404
    assert console.get("/people/nobody/why-not/abandoned_cart").status == 404


def test_a_journey_is_tried_as_a_person_without_a_trace(console: Visitor, world: World) -> None:
    world.note_layouts()
    before = rows(world, "ledger.db", "SELECT count(*) FROM messages")

    page = console.get("/journeys/abandoned_cart/try?as=anna")

    text = words(page)
    assert "waits for Order Completed, at most 5m" in text
    assert "or Order Completed → Bought" in text
    assert "would not be sent: frequency cap" in text
    source = re.search(r'<iframe class="mail" src="([^"]+)" sandbox=""', page.text)
    assert source is not None
    mail = console.get(unescape(source[1]))
    assert mail.status == 200
    assert "sandbox" in mail.headers["content-security-policy"]
    assert "/o/" not in mail.text
    assert "/l/" not in mail.text
    assert rows(world, "ledger.db", "SELECT count(*) FROM messages") == before
    assert "Nobody is known by xyz" in words(console.get("/journeys/abandoned_cart/try?as=xyz"))
    assert console.get("/journeys/nothing/try").status == 404


def test_broadcasts_are_explained_and_tried_like_journeys(world: World, tmp_path: Path) -> None:
    """In a workspace of its own, beside the same data."""
    shutil.copytree(world.config.workspace, tmp_path / "workspace")
    (tmp_path / "workspace/broadcasts").mkdir()
    text = "broadcast: autumn\ntemplate: abandoned_cart\nrule: {trait: orders, at_least: 100}\n"
    (tmp_path / "workspace/broadcasts/autumn.yml").write_text(text, "utf-8")
    world.note_layouts()
    config = Config(data=world.config.data, workspace=tmp_path / "workspace", mail=world.config.mail)
    console = Visitor(create_app(config, clock=ManualClock(NOW_US)))
    anna = profile(world, "Anna Berger")

    why = words(console.get(f"/people/{anna}/why-not/autumn"))
    tried = words(console.get("/journeys/autumn/try?as=anna"))

    assert "Never meant: it has not begun, or this person was not among those" in why
    assert "Not in whom it goes to" in why
    assert "as if it were started now" in tried
