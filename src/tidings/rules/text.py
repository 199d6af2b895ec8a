"""Rules as a line of text that people write and read: ``did "Order Completed" at least 3 within 60d and not in_segment vip``.

From the text to the same tree that YAML and JSON give. `and` binds closer than `or`, `not` closer than both. A condition is
its kind, what leads it, then comparisons and settings by their names, in any order; underscores may be spaces. What a kind
takes is said by its form alone (`form.py`). In `where`, after an `and`, what reads as a comparison goes on with it; anything
else begins the next condition, which never reads so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

import msgspec

from tidings.domain import places
from tidings.domain.compare import OPERATORS
from tidings.domain.names import nearest
from tidings.errors import DefinitionError
from tidings.rules import form as forms
from tidings.rules import tokens
from tidings.rules.cursor import LITERALS, Cursor
from tidings.rules.form import Form, Phrases, Setting
from tidings.rules.kinds import KINDS
from tidings.rules.tokens import END, MARK, NUMBER, TEXT, WORD


class Read(msgspec.Struct, frozen=True):
    """A text that was read."""

    tree: Any
    source: str
    marks: Mapping[tuple[int, object], int]
    """Where in the text a setting stands: by the identity of what holds it, and its name."""

    def placed(self, error: DefinitionError, where: str) -> DefinitionError:
        """The same error, about a part of the tree, with the place in the text."""
        found = dict(_paths(self.tree, "", self.marks))
        at = None
        if error.where.startswith(where):
            at = places.nearest(found, error.where.removeprefix(where), error.problem, error.got)
        return error.moved(f"{error.where}, {tokens.place(self.source, at)}") if at is not None else error


def _paths(raw: Any, path: str, marks: Mapping[tuple[int, object], int]) -> Iterator[tuple[str, int]]:
    for key, value in raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ():
        below = places.below(path, key)
        if (id(raw), key) in marks:
            yield below, marks[id(raw), key]
        yield from _paths(value, below, marks)


def read(source: str, where: str) -> Read:
    """The tree of a text, with the place of each part. Raises DefinitionError with the column."""
    reader = _Reader(source, where)
    return Read(reader.whole(), source, reader.marks)


def tree(raw: Any, where: str) -> Any:
    """A rule with every text in it read. Raises DefinitionError."""
    if isinstance(raw, str):
        return read(raw, where).tree
    if isinstance(raw, dict) and isinstance(raw.get("not"), str | dict):
        return {**raw, "not": tree(raw["not"], f"{where}.not")}
    for joint in ("all", "any"):
        if isinstance(raw, dict) and isinstance(raw.get(joint), list):
            parts = [tree(part, f"{where}.{joint}[{index}]") for index, part in enumerate(raw[joint])]
            return {**raw, joint: parts}
    return raw


class _Reader(Cursor):
    """One pass over the tokens, by descent; nothing is read twice."""

    def __init__(self, source: str, where: str) -> None:
        super().__init__(source, where)
        self.marks: dict[tuple[int, object], int] = {}

    # Rules

    def whole(self) -> Any:
        found = self._rule()
        if self.see().kind != END:
            wanted = "`and`, `or`, a setting, a comparison or the end"
            self.refuse("cannot go on so", wanted, self._near(forms.reserved()))
        return found

    def _near(self, words: Iterable[str]) -> str:
        """What the next token, alone or with the one behind it, may have been meant to be."""
        if self.see().kind != WORD:
            return ""
        one, known = self.see().shown, list(words)
        near = nearest(one, known)
        if near == one:  # it is well known, so what is wrong is what it begins
            near = nearest(f"{one}_{self.see(1).shown}", [word for word in known if word.startswith(f"{one}_")])
        return f"did you mean {near.replace('_', ' ')}?" if near else ""

    def _rule(self) -> Any:
        return self._joined("or", "any", lambda: self._joined("and", "all", self._term))

    def _joined(self, word: str, kind: str, part: Callable[[], Any]) -> Any:
        at, first = self.see().at, part()
        if not self.is_(word):
            return first
        parts = [first]
        places_of = [at]
        while self.take(word):
            places_of.append(self.see().at)
            parts.append(part())
        for index, one in enumerate(places_of):
            self.marks[id(parts), index] = one
        return {kind: parts}

    def _term(self) -> Any:
        at = self.see().at
        self.deeper(1)
        if self.take("not"):
            found = self._held({}, "not", at, self._term())
        elif self.take("(", MARK):
            found = self._rule()
            self.need(")", do="close the parenthesis, or say `and` or `or`")
        elif self.see().shown in ("all", "any") and self.is_("(", MARK, 1):
            kind = self.see().shown
            self.at += 2
            found = {kind: [self._rule()]}
            self.need(")")
        else:
            found = self._condition()
        self.deeper(-1)
        return found

    def _held(self, holder: dict[str, Any], name: str, at: int, value: Any) -> dict[str, Any]:
        """Put a value under a name, once."""
        if name in holder:
            raise tokens.wrong(self.source, at, self.where, f"`{name}` comes twice", do="leave one out")
        holder[name] = value
        self.marks[id(holder), name] = at
        return holder

    def _condition(self) -> dict[str, Any]:
        at = self.see().at
        kind, further = self.phrase(forms.simple_kinds())
        if not kind:
            wanted = "a condition: one of " + ", ".join(forms.simple_kinds().values()) + ", not, or one in parentheses"
            other = "a name that is none of these words stands after one of them, or in quotes"
            self.refuse("no condition", wanted, self._near(KINDS) or other)
        self.at += further
        form = forms.of(kind)
        if form.value is None:
            return self._held({}, kind, at, self._settings(form, {}))
        return self._settings(form, self._held({}, kind, at, self._value()))

    # Settings

    def _settings(self, form: Form, held: dict[str, Any]) -> dict[str, Any]:
        """What leads, then the rest as it comes."""
        for setting in form.leading:
            if setting.word:
                self.need(setting.word, WORD)
            self._held(held, setting.name, self.see().at, self._shaped(setting))
        named, compared = forms.phrases(list(form.named)), forms.tests(form.comparisons)
        while True:
            ahead = int(self.is_("and"))
            at = self.see(ahead).at
            name, further = self.phrase(named, ahead)
            if name and (not ahead or self.literal(further)):
                self.at += further
                self._held(held, name, at, self._shaped(form.named[name]))
                continue
            name, further = self.comparison(compared, ahead)
            if not name:
                if not ahead and self.phrase(compared)[0]:
                    self._no_value(compared)
                return held
            self.at += further
            self._held(held, name, at, self._value())

    def _shaped(self, setting: Setting) -> Any:
        if setting.shape == forms.WHERE:
            return self._properties()
        if setting.shape == forms.EVENTS:
            return self._events()
        return self._steps() if setting.shape == forms.STEPS else self._value()

    def _events(self) -> dict[str, Any]:
        """A name, or in parentheses all that says which events."""
        if not self.take("(", MARK):
            return {"event": self._value()}
        found = self._settings(forms.OCCURRENCE, {})
        self.need(")")
        return found

    def _steps(self) -> list[Any]:
        """``(A then B within 2h then not C within 1d)``."""
        self.need("(", do="put the steps in parentheses")
        found: list[Any] = []
        while not found or self.take("then"):
            at = self.see().at
            absent = self.take("not")
            step = self._settings(forms.STEP, {})
            if absent:
                span = {"within": step.pop("within")} if "within" in step else {}
                step = self._held(span, "not", at, step)
            self.marks[id(found), len(found)] = at
            found.append(step)
        self.need(")", do="say `then` between steps")
        return found

    def _properties(self) -> dict[str, Any]:
        """Properties with their comparisons."""
        table = forms.tests(tuple(OPERATORS))
        found: dict[str, Any] = {}
        while True:
            at = self.see().at
            if self.see().kind not in (WORD, TEXT):
                self.refuse("no property", wanted="the name of a property and a comparison")
            name = str(self.see().value)
            self.at += 1
            plain = self.is_("is") and not self.is_("not", ahead=1)
            tests = self._tests(table)
            if plain and list(tests) == ["equals"] and not isinstance(tests["equals"], dict):
                self._held(found, name, at, tests["equals"])
            else:
                self._held(found, name, at, tests)
            named = self.is_("and") and self.see(1).kind in (WORD, TEXT)
            if not named or not self.comparison(table, 2)[0]:
                return found
            self.at += 1

    def _tests(self, table: Phrases) -> dict[str, Any]:
        """One comparison after another of the same property."""
        tests: dict[str, Any] = {}
        ahead = 0
        while True:
            at = self.see(ahead).at
            name, further = self.comparison(table, ahead)
            if not name:
                break
            self.at += further
            self._held(tests, name, at, self._value())
            ahead = 1
            if not self.is_("and"):
                break
        if not tests:
            self._no_value(table)
        return tests

    def _no_value(self, table: Phrases) -> NoReturn:
        words = ", ".join(" ".join(phrase) for phrase in table)
        self.refuse("no comparison", f"one of {words}, and a value", "put a text in quotes")

    # Values

    def _value(self) -> Any:
        """A name without quotes, or a value as in JSON; in lists names need no quotes either."""
        token = self.see()
        if self.take("[", MARK):
            return self._items("]", self._value)
        if self.take("{", MARK):
            return self._object()
        if token.kind not in (WORD, TEXT, NUMBER):
            self.refuse("needs a value here", wanted="a name, a text in quotes, a number, a span, a date or a list")
        self.at += 1
        return LITERALS[token.shown] if token.kind == WORD and token.shown in LITERALS else token.value

    def _items(self, close: str, item: Callable[[], Any]) -> list[Any]:
        found: list[Any] = []
        self.deeper(1)
        while not self.take(close, MARK):
            if found:
                self.need(",", do=f"separate with commas, and end with {close}")
            found.append(item())
        self.deeper(-1)
        return found

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def member() -> None:
            token = self.see()
            if token.kind not in (WORD, TEXT):
                self.refuse("no name", wanted="a name in quotes")
            self.at += 1
            self.need(":")
            self._held(found, str(token.value), token.at, self._value())

        self._items("}", member)
        return found
