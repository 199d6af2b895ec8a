"""A template: one file, compiled once into what only needs merging per person.

    ---
    subject: "{{ person.first_name | default: 'Hello' }}, your basket is waiting"
    preheader: …            # what inboxes show beside the subject
    slots: {items: 3}       # recommended items wanted, by the name the template knows them under
    ---
    <mjml> … Liquid … </mjml>

MJML becomes HTML, its ``mj-style inline="inline"`` rules go into style attributes, the plain-text part is derived from
that HTML, and both become Liquid templates. Everything that can be wrong with a template is found here, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from html.parser import HTMLParser
from pathlib import Path

import css_inline
import msgspec
import yaml
from liquid import BoundTemplate
from mjml import mjml2html

from tidings.domain import places, plain
from tidings.errors import DefinitionError
from tidings.render import liquid
from tidings.render.plain import LINK_END, LINK_START, to_text
from tidings.render.protect import Protected, blanked, protect, restore, unhide
from tidings.render.tables import with_bodies

MAX_SOURCE_BYTES = 256 * 1024
"""Largest template file."""
MAX_SLOT_ITEMS = 50
"""Most recommended items that one slot may ask for."""
RESERVED = frozenset(
    """
    person cart event answers journey category shop unsubscribe_url subject preheader message_id forloop tablerowloop
    """.split()  # noqa: SIM905 - one word after the other reads better
)
"""Names that templates can use besides their slots."""

_FORMAT = b"tidings-template-1"  # part of the version: raise it when the same source compiles to something else
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?\n", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"\$\.(\w+)")  # as msgspec names a place
_INLINE_STYLE = re.compile(r"<mj-style\b[^>]*\binline\s*=\s*[\"']inline[\"'][^>]*>(.*?)</mj-style>", re.DOTALL)
_HREF = re.compile(r"(<(?:a|area)\b[^>]*?\bhref=)(?:\"([^\"]*)\"|'([^']*)')")
_LONG_TAG = re.compile(r"<([a-z][a-z0-9:]*) ([^<>]{40,}>)")
_STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL)
_SPACER = ("&#847;&zwnj;&nbsp;" * 20 + "\n") * 3  # keeps the body's first words out of the inbox's preview line
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


class Front(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head of a template file."""

    subject: str
    """Liquid; the subject line."""
    preheader: str = ""
    """Liquid; what inboxes show beside the subject."""
    category: str = ""
    """The message category that it is written for; the journey's word counts."""
    from_name: str = ""
    """Display name of the sender, instead of the configured one."""
    slots: dict[str, int] = {}
    """Slot name to the number of recommended items wanted."""
    lang: str = "en"
    """Language of the text (BCP 47)."""
    dir: str = "ltr"
    """Writing direction: ``ltr`` or ``rtl``."""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled template."""

    name: str
    """Its file's name without the ending."""
    version: str
    """Content hash of the source: 12 hexadecimal digits."""
    source: str
    """The whole file."""
    front: Front
    """Its head."""
    subject: BoundTemplate
    preheader: BoundTemplate
    html: BoundTemplate
    """Addresses of links stand between `LINK_START` and `LINK_END`."""
    text: BoundTemplate
    """Likewise."""
    html_bytes: int
    """Size of the compiled HTML."""

    @property
    def wanted(self) -> int:
        """How many recommended items its slots take together."""
        return sum(self.front.slots.values())


def version_of(source: str) -> str:
    """The version that a template source has."""
    return blake2b(source.encode("utf-8", "surrogatepass"), digest_size=6, key=_FORMAT).hexdigest()


def load_templates(folder: Path) -> dict[str, Template]:
    """All templates of a folder by name. Raises DefinitionError for the first that is wrong."""
    return {path.stem: compile_template(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*.mjml"))}


def compile_template(name: str, source: str) -> Template:
    """Compile one template file. Raises DefinitionError naming file and line."""
    where = f"templates/{name}.mjml"
    if len(source.encode("utf-8", "surrogatepass")) > MAX_SOURCE_BYTES:
        raise DefinitionError(where, "too large", got=len(source), wanted=f"at most {MAX_SOURCE_BYTES} bytes")
    front, body, first_line, lines = _split(source, where)
    liquid.parse(liquid.HTML, body, where, first_line)
    _check_structure(body, where, first_line)
    html, protected = _to_html(_with_head(body, front), where, first_line)
    text = restore(to_text(html, protected), protected)
    html = restore(_marked(_wrapped(html)), protected)
    return Template(
        name=name,
        version=version_of(source),
        source=source,
        front=front,
        subject=liquid.parse(liquid.TEXT, front.subject, where, lines.get(".subject", 1)),
        preheader=liquid.parse(liquid.TEXT, front.preheader, where, lines.get(".preheader", 1)),
        html=liquid.parse(liquid.HTML, html, where),
        text=liquid.parse(liquid.TEXT, text, f"{where} (text part)"),
        html_bytes=len(html.encode()),
    )


def _split(source: str, where: str) -> tuple[Front, str, int, dict[str, int]]:
    """The head, the body, its first line, and the lines of what is in the head (see `domain/plain.py`)."""
    match = _FRONT.match(source)
    if match is None:
        raise DefinitionError(f"{where}:1", "no head", wanted="a YAML block between two lines of ---, with `subject`")
    try:
        front = msgspec.convert(yaml.safe_load(match[1]), Front)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise DefinitionError(f"{where}:{mark.line + 2 if mark else 1}", f"head is not YAML: {error}") from error
    except msgspec.ValidationError as error:
        named = _FIELD.search(str(error))
        line = places.nearest(_lines(match[1]), f".{named[1]}" if named else "", str(error))
        raise DefinitionError(f"{where}:{line or 1}", f"head: {error}") from error
    lines = _lines(match[1])
    _check_front(front, where, lines)
    return front, source[match.end() :], match[0].count("\n") + 1, lines


def _lines(head: str) -> dict[str, int]:
    """The lines in the file of what is in its head, which follows the first line."""
    return {path: line + 1 for path, line in plain.lines(head).items() if path} | {"": 1}


def _check_front(front: Front, where: str, lines: dict[str, int]) -> None:
    def at(path: str) -> str:
        return f"{where}:{lines.get(path, 1)}"

    if not front.subject.strip():
        raise DefinitionError(at(".subject"), "head: `subject` is empty")
    if front.dir not in ("ltr", "rtl"):
        raise DefinitionError(at(".dir"), "head: `dir`", got=front.dir, wanted="ltr or rtl")
    if not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", front.lang):
        raise DefinitionError(at(".lang"), "head: `lang`", got=front.lang, wanted="a language tag such as en or de-CH")
    for slot, count in front.slots.items():
        if slot in RESERVED or not slot.isidentifier():
            raise DefinitionError(at(f".slots.{slot}"), "head: slot name", got=slot, wanted="a free name such as items")
        if not 1 <= count <= MAX_SLOT_ITEMS:
            raise DefinitionError(
                at(f".slots.{slot}"), f"head: slot {slot}", got=count, wanted=f"1 to {MAX_SLOT_ITEMS}"
            )


def _with_head(body: str, front: Front) -> str:
    """`body` with language, title and preview line, unless it has its own."""
    head = "" if "<mj-title" in body else "<mj-title>{{ subject }}</mj-title>"
    if "<mj-preview" not in body:
        head += f"<mj-preview>{{{{ preheader }}}}{_SPACER}</mj-preview>"
    body = re.sub(r"<mj-head\s*/>", "<mj-head></mj-head>", body, count=1)
    if "<mj-head" not in body:
        body = re.sub(r"(<mjml\b[^>]*>)", r"\1<mj-head></mj-head>", body, count=1)
    body = re.sub(r"(<mj-head\b[^>]*>)", lambda match: match[1] + head, body, count=1)
    for name, value in (("dir", front.dir), ("lang", front.lang)):
        if not re.search(rf"<mjml\b[^>]*\b{name}\s*=", body):
            body = body.replace("<mjml", f'<mjml {name}="{value}"', 1)
    return body


def _to_html(body: str, where: str, first_line: int) -> tuple[str, Protected]:
    rules = "\n".join(_INLINE_STYLE.findall(body))
    protected = protect(_INLINE_STYLE.sub("", body))
    try:
        html = mjml2html(protected.text)
    except ValueError as error:
        raise DefinitionError(f"{where}:{first_line}", f"MJML: {error}", do="check the elements' nesting") from error
    html = unhide(html, protected)
    if rules:
        inliner = css_inline.CSSInliner(
            inline_style_tags=False, keep_style_tags=True, load_remote_stylesheets=False, extra_css=rules
        )
        html = inliner.inline(with_bodies(html))
    return html, protected


def _wrapped(html: str) -> str:
    """`html` with line breaks inside longer tags and after style rules, where they mean nothing: SMTP bounds lines."""
    return _STYLE.sub(lambda match: match[0].replace("}", "}\n"), _LONG_TAG.sub(r"<\1\n\2", html))


def _marked(html: str) -> str:
    """`html` with marks around the address of each link, for tracking."""
    return _HREF.sub(lambda m: f'{m[1]}"{LINK_START}{m[2] if m[2] is not None else m[3]}{LINK_END}"', html)


def _check_structure(body: str, where: str, first_line: int) -> None:
    """Raises DefinitionError for an element that is not closed, or closed but not opened: MJML does not say where."""
    checker = _Nesting()
    checker.feed(blanked(body))
    checker.close()
    if checker.problem:
        line, problem = checker.problem
        raise DefinitionError(f"{where}:{first_line + line - 1}", problem)
    if checker.open:
        tag, line = checker.open[-1]
        raise DefinitionError(f"{where}:{first_line + line - 1}", f"<{tag}> is never closed")
    if "mjml" not in checker.seen or "mj-body" not in checker.seen:
        raise DefinitionError(f"{where}:{first_line}", "no <mjml> with <mj-body>")


class _Nesting(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, int]] = []
        self.seen: set[str] = set()
        self.problem: tuple[int, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._look(tag)
        if tag not in _VOID:
            self.open.append((tag, self.getpos()[0]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._look(tag)

    def _look(self, tag: str) -> None:
        self.seen.add(tag)
        if tag == "mj-include" and not self.problem:
            self.problem = (self.getpos()[0], "<mj-include>: a template is one file; put its contents here")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or self.problem:
            return
        if self.open and self.open[-1][0] == tag:
            self.open.pop()
            return
        opened = f"<{self.open[-1][0]}> of line {self.open[-1][1]} is open" if self.open else "nothing is open"
        self.problem = (self.getpos()[0], f"</{tag}> closes nothing here: {opened}")


def slots(template: Template, items: list[Mapping[str, object]]) -> dict[str, list[Mapping[str, object]]]:
    """`items` dealt out to the template's slots, in the order in which they are declared."""
    dealt: dict[str, list[Mapping[str, object]]] = {}
    start = 0
    for name, count in template.front.slots.items():
        dealt[name] = items[start : start + count]
        start += count
    return dealt
