"""Compiling a template: Liquid keeps its place, the text follows the HTML, and each mistake has its line."""

from __future__ import annotations

import re

import pytest

from tests.unit.render.samples import CART, body, item, render, template, whole
from tidings.errors import DefinitionError
from tidings.render.lint import findings as lint
from tidings.render.protect import protect, restore
from tidings.render.template import compile_template, version_of


def visible(html: str) -> str:
    return " ".join(
        re.sub(r"<[^>]+>", " ", re.sub(r"<(style|title)\b.*?</\1>|<!--.*?-->", "", html, flags=re.S)).split()
    )


def test_a_condition_inside_a_table_stays_where_it_was_written():
    made = template(
        "<mj-table>{% for i in cart %}{% if i.price > 5 %}<tr><td>{{ i.name }}</td></tr>{% endif %}{% endfor %}"
        "<tr><td>end</td></tr></mj-table>"
    )
    html = render(made).html
    assert re.search(r"<table[^>]*>\s*<tr><td>Lamp</td></tr>\s*<tr><td>end</td></tr>", html)
    assert "Mug" not in html


def test_the_same_holds_after_css_has_been_inlined_by_an_html_parser():
    made = whole(
        '<mjml><mj-head><mj-style inline="inline">.x { color: red }</mj-style></mj-head><mj-body><mj-section>'
        "<mj-column><mj-table>{% for i in cart %}<tr>{% if true %}<td class='x'>{{ i.name }}</td>{% endif %}</tr>"
        "{% endfor %}</mj-table></mj-column></mj-section></mj-body></mjml>"
    )
    html = render(made).html
    assert re.findall(r'<tr>\s*<td[^>]*style="color: red;?"[^>]*>(.*?)</td></tr>', html) == ["Mug &lt;blue&gt;", "Lamp"]
    assert ".x {" not in html
    assert html.count("<tbody>") == html.count("</tbody>")


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize(
    "mjml",
    [
        "<mjml><mj-body>{% if person.yes %}<mj-section><mj-column><mj-text>secret</mj-text></mj-column></mj-section>{% endif %}</mj-body></mjml>",
        "<mjml><mj-body><mj-section>{% if person.yes %}<mj-column><mj-text>secret</mj-text></mj-column>{% endif %}</mj-section></mj-body></mjml>",
        "<mjml><mj-body><mj-section><mj-column>{% if person.yes %}<mj-text>secret</mj-text>{% endif %}</mj-column></mj-section></mj-body></mjml>",
        "<mjml><mj-body><mj-wrapper>{% if person.yes %}<mj-section><mj-column><mj-text>secret</mj-text></mj-column></mj-section>{% endif %}</mj-wrapper></mj-body></mjml>",
        "<mjml><mj-body><mj-section><mj-column><mj-text>a{% if person.yes %} secret{% endif %}</mj-text></mj-column></mj-section></mj-body></mjml>",
        "<mjml><mj-body><mj-section><mj-column><mj-raw>{% if person.yes %}<tr><td>secret</td></tr>{% endif %}</mj-raw></mj-column></mj-section></mj-body></mjml>",
    ],
)  # fmt: skip
def test_a_condition_may_stand_around_any_element(mjml, shown):
    made = render(whole(mjml), {"person": {"yes": shown}})
    assert ("secret" in visible(made.html)) is shown
    assert ("secret" in made.text) is shown
    opened = re.findall(r"<(table|tr|td|div|tbody)\b", made.html)
    closed = re.findall(r"</(table|tr|td|div|tbody)>", made.html)
    assert sorted(opened) == sorted(closed)


def test_less_than_and_quotes_inside_liquid_trouble_nobody():
    made = template(
        '<mj-text>{% if cart.size < 3 %}few{% endif %}{{ person.x | default: "a > b" }}</mj-text>'
        '<mj-button href="{{ person.url | default: "https://shop.example/a?b=c" }}">go</mj-button>'
    )
    rendered = render(made)
    assert "few" in rendered.html
    assert "a > b" in rendered.text
    assert rendered.links == ["https://shop.example/a?b=c"]


def test_a_line_break_inside_an_attribute_does_not_break_its_style():
    html = render(template('<mj-text><p style="color: red;\n   margin: 0;">x</p></mj-text>')).html
    assert '"color: red; margin: 0;"' in html
    assert "\\n" not in html


def test_comments_and_control_characters_of_the_author_do_not_go_out():
    html = render(template("<mj-text>a<!-- internal: {{ person.first_name }} -->b\x02c\x00</mj-text>")).html
    assert "internal" not in html
    assert "abc" in html


def test_a_raw_outlook_block_keeps_its_merge_parts():
    made = template(
        "<mj-text>x</mj-text><mj-raw><!--[if mso]><p>{% if true %}{{ person.first_name }}{% endif %}</p><![endif]--></mj-raw>"
    )
    assert "<!--[if mso]><p>Ann</p><![endif]-->" in render(made).html


def test_language_direction_title_and_preview_line_are_set_from_the_head():
    made = template(
        "<mj-text>x</mj-text>", 'subject: "Hi {{ person.first_name }}"\npreheader: "Look & see"\nlang: ar\ndir: rtl'
    )
    html = render(made).html
    assert re.search(r"<html[^>]*lang=\"ar\"", html)
    assert re.search(r"<html[^>]*dir=\"rtl\"", html)
    assert "<title>Hi Ann</title>" in html
    assert "Look &amp; see" in html
    assert "Look" not in render(made).text


def test_an_authors_own_title_preview_and_language_win():
    made = whole(
        '<mjml lang="de"><mj-head><mj-title>Mine</mj-title><mj-preview>Own</mj-preview></mj-head><mj-body>'
        "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    html = render(made).html
    assert "<title>Mine</title>" in html
    assert 'lang="de"' in html
    assert html.count("Own") == 1


def test_the_text_part_reads_in_order_with_links_as_text_and_address():
    made = template(
        "<mj-text><h1>Hello&nbsp;{{ person.first_name }}</h1><p>One &amp; two</p><ul><li>a</li><li>b</li></ul></mj-text>"
        '<mj-image src="logo.png" alt="Logo" /><mj-image src="m.png" alt="A mug" href="https://shop.example/mug" />'
        '<mj-text><a href="https://shop.example/x">Look</a> here<br/>next line</mj-text>'
    )
    links = re.sub(r"https://t\.shop\.example/l/\S+", "LINK", render(made).text)
    assert links == "Hello Ann\n\nOne & two\n\n- a\n- b\n\nA mug: LINK\n\nLook: LINK here\nnext line\n"


def test_a_linked_picture_beside_the_same_linked_words_is_not_said_twice():
    made = template(
        '<mj-table>{% for i in cart %}<tr><td><a href="{{ i.url }}"><img src="x" alt="{{ i.name }}"/></a></td>'
        '<td><a href="{{ i.url }}">{{ i.name }}</a></td></tr>{% endfor %}</mj-table>'
    )
    text = render(made).text
    assert text.count("Mug <blue>") == 1
    assert text.count("Lamp") == 1


def test_values_stand_as_they_are_in_the_text_and_escaped_in_the_html():
    rendered = render(template("<mj-text>{{ cart.first.name }}</mj-text>"))
    assert "Mug <blue>" in rendered.text
    assert "Mug &lt;blue&gt;" in rendered.html


def test_recommended_items_are_dealt_out_to_the_slots_in_their_order():
    made = template(
        "<mj-text>{% for i in more %}{{ i.name }},{% endfor %}|{% for i in last %}{{ i.name }},{% endfor %}</mj-text>",
        "subject: x\nslots: {more: 2, last: 1}",
    )
    assert made.wanted == 3
    assert "Item 1,Item 2,|Item 3," in render(made, items=[item(1), item(2), item(3)]).html
    assert "Item 1,|" in render(made, items=[item(1)]).html


def test_the_version_follows_the_source_and_nothing_else():
    one, same, other = (template(f"<mj-text>{word}</mj-text>") for word in ("a", "a", "b"))
    assert one.version == same.version == version_of(one.source)
    assert one.version != other.version
    assert re.fullmatch("[0-9a-f]{12}", one.version)


@pytest.mark.parametrize(
    ("source", "where", "says"),
    [
        ("<mjml></mjml>", "1", "no head"),
        ("---\nsubject: [\n---\n" + body(""), "3", "not YAML"),
        ("---\nlang: en\nsubjct: x\n---\n" + body(""), "3", "subjct"),
        ("---\nsubject: ' '\n---\n" + body(""), "2", "empty"),
        ("---\nsubject: x\nslots:\n  person: 2\n---\n" + body(""), "4", "slot name"),
        ("---\nsubject: x\nslots: {items: 5000}\n---\n" + body(""), "3", "slot items"),
        ("---\nsubject: x\nlang: '\"><script>'\n---\n" + body(""), "3", "lang"),
        ("---\nsubject: x\ndir: up\n---\n" + body(""), "3", "ltr or rtl"),
        ("---\nsubject: x\nslots: {items: x}\n---\n" + body(""), "3", "$.slots"),
        ("---\nsubject: x\npreheader: '{{ a'\n---\n" + body(""), "3", "Liquid"),
        ("---\nsubject: '{{ a'\n---\n" + body(""), "2", "Liquid"),
        ("---\nsubject: x\n---\n<mjml>\n<mj-body>\n{% if a %}\n</mj-body></mjml>", "", "endif"),
        ("---\nsubject: x\n---\n" + body("\n\n<mj-text>{{ a | shout }}</mj-text>"), "6", "unknown Liquid filter"),
        ("---\nsubject: x\n---\n" + body("\n{% include 'y' %}"), "5", "include"),
        ("---\nsubject: x\n---\n" + body("\n<mj-text>\n<p>x</mj-text>"), "6", "</mj-text> closes nothing here"),
        ("---\nsubject: x\n---\n<mjml><mj-body>\n<mj-section>", "5", "<mj-section> is never closed"),
        ("---\nsubject: x\n---\n" + body("\n<mj-include path='/etc/passwd' />"), "5", "one file"),
        ("---\nsubject: x\n---\n<html></html>", "4", "no <mjml>"),
        ("---\nsubject: x\n---\n" + "x" * 300_000, "", "too large"),
    ],
)  # fmt: skip
def test_each_mistake_names_the_file_the_line_and_what_is_wrong(source, where, says):
    with pytest.raises(DefinitionError) as caught:
        compile_template("sample", source)
    assert str(caught.value).startswith(
        f"templates/sample.mjml:{where}" if where.isdigit() else "templates/sample.mjml"
    )
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("inner", "head", "says"),
    [
        ("<mj-txt>x</mj-txt>", "subject: x", "<mj-txt> is no MJML element"),
        ("<mj-image src='x' />", "subject: x", "<mj-image> has no alt text"),
        ("<mj-text><img src='x'></mj-text>", "subject: x", "<img> has no alt text"),
        ("<mj-text>{{ persn.first_name }}</mj-text>", "subject: x", "{{ persn }} is always empty"),
        ("<mj-text>x</mj-text>", "subject: '{{ items.first.name }}'", "{{ items }} in the subject is always empty"),
        ("<mj-text>" + "x" * 110_000 + "</mj-text>", "subject: x", "Gmail cuts it off"),
        ("<mj-text>x</mj-text>", "subject: 'Re: your order'", "looks like a reply"),
        ("<mj-text>x</mj-text>", "subject: x", "unsubscribe_url"),
        ("<mj-text>x</mj-text>", "subject: x", "postal_address"),
    ],
)
def test_what_would_surprise_later_is_found(inner, head, says):
    assert any(says in finding for finding in lint(template(inner, head)))


def test_a_sound_template_has_no_findings_and_a_receipt_needs_no_unsubscribe_link():
    footer = '<mj-text><a href="{{ unsubscribe_url }}">out</a> {{ shop.postal_address }}</mj-text>'
    assert lint(template(f'<mj-image src="x" alt="" />{footer}')) == []
    assert lint(template("<mj-text>Receipt</mj-text>", "subject: x\ncategory: transactional")) == []


def test_protecting_and_restoring_gives_the_source_back():
    source = 'a {{ x }} <b t="{{ y }}{% if z %}1{% endif %}">{% for i in c %}{{ i }}{% endfor %}</b> lq1q'
    made = protect(source)
    assert "{" not in made.text
    assert restore(made.text, made) == source


def test_the_cart_may_be_empty_and_nobody_known():
    made = template(
        "<mj-text>{% for i in cart %}{{ i.name }}{% endfor %}Hello {{ person.first_name | default: 'you' }}</mj-text>"
    )
    assert "Hello you" in render(made, {}).text
    assert len(CART) == 2


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_loop_over_rows_opens_no_table_body_of_its_own(count):
    made = whole(
        '<mjml><mj-head><mj-style inline="inline">td { margin: 0 }</mj-style></mj-head><mj-body><mj-section><mj-column>'
        "<mj-text><table>\n{% for i in cart %}<tr><td><table><tr><td>{{ i.n }}</td></tr></table></td></tr>{% endfor %}</table>"
        "<table><thead><tr><th>a</th></tr></thead></table></mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    html = render(made, {"cart": [{"n": n} for n in range(count)]}).html
    for tag in ("table", "tbody", "tr", "td", "thead"):
        assert html.count(f"<{tag}>") + html.count(f"<{tag} ") + html.count(f"<{tag}\n") == html.count(f"</{tag}>"), tag
