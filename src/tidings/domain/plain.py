"""YAML as plain data: texts, numbers, true and false, lists, and names with values.

Stricter than YAML, where YAML surprises: a name is text and comes once (else the first one would be lost silently, and
``on:`` is true), a number is finite, and a date stays the text that it is in events.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from tidings.domain import places
from tidings.errors import DefinitionError

_TAGS = [f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null")]
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_REFUSE = None
"""The name under which PyYAML keeps what to do with every other tag."""
MAX_PATHS = 50_000
"""Paths whose line is known, at most."""
MAX_DEPTH = 60
"""Deepest nesting."""
MAX_VALUES = 500_000
"""Values in one text, those that are named again (`*`) or merged in (`<<`) counted each time: no text that is written out has more."""


class _Unfit(Exception):
    """Something that YAML allows and a definition must not have."""

    def __init__(self, problem: str, got: object, do: str, node: yaml.Node) -> None:
        super().__init__(problem)
        self.got, self.do, self.line = got, do, node.start_mark.line + 1


class _Loader(yaml.SafeLoader):
    """Builds plain data only."""

    yaml_constructors = {tag: yaml.SafeLoader.yaml_constructors[tag] for tag in [*_TAGS, _REFUSE]}
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != _TIMESTAMP]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == _MERGE:
                continue
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                shown = key.value if isinstance(name, bool) else name  # `on`, which is read as true
                raise _Unfit("a name must be text", shown, "put it in quotes", key)
            if name in names:
                raise _Unfit("a name comes twice", name, "give one of the two another name", key)
            names.add(name)
        return super().construct_mapping(node, deep=deep)


def _written(kind: str, construct: Callable[[Any, Any], Any]) -> Callable[[_Loader, yaml.ScalarNode], Any]:
    """As PyYAML builds it, and what it chokes on (``!!int abc``, a number of thousands of digits) is said."""

    def build(loader: _Loader, node: yaml.ScalarNode) -> Any:
        try:
            return construct(loader, node)
        except (ValueError, KeyError, IndexError) as error:
            raise _Unfit(f"cannot be read as {kind}", str(node.value)[:20], "put a text in quotes", node) from error

    return build


def _finite(loader: _Loader, node: yaml.ScalarNode) -> float:
    number: float = loader.construct_yaml_float(node)
    if not math.isfinite(number):
        raise _Unfit("a number must be finite", number, "write it out", node)
    return number


def _whole_characters(loader: _Loader, node: yaml.ScalarNode) -> str:
    """A text; two escapes that are one character in JSON are one here."""
    text: str = loader.construct_yaml_str(node)
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise _Unfit("half a character", ascii(text)[:40], "write the character itself", node) from error


for _name, _construct in {
    "int": _written("a whole number", yaml.SafeLoader.construct_yaml_int),
    "float": _written("a number", _finite),
    "bool": _written("true or false", yaml.SafeLoader.construct_yaml_bool),
    "str": _whole_characters,
}.items():
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _construct)


def _check_size(root: yaml.Node) -> None:
    """Refuse what is in itself, nested too deep, or grows too large because it is named again and again."""
    sizes: dict[int, tuple[int, int]] = {}
    """(values, levels) of a node; zeros while its parts are looked at."""
    waiting = [root]
    while waiting:
        node = waiting[-1]
        parts = _below(node)
        if id(node) not in sizes:
            sizes[id(node)] = (0, 0)
            waiting += [one for one in parts if id(one) not in sizes]
            if any(sizes.get(id(one)) == (0, 0) for one in parts):
                raise _Unfit("a part of itself", "a name (`*`) inside what it names", "write it out", node)
            continue
        waiting.pop()
        values = 1 + sum(sizes[id(one)][0] for one in parts)
        levels = 1 + max((sizes[id(one)][1] for one in parts), default=0)
        if values > MAX_VALUES or levels > MAX_DEPTH:
            wanted = f"at most {MAX_VALUES:,} values, {MAX_DEPTH} deep"
            raise _Unfit(f"too large: wanted {wanted}", f"{values:,} values, {levels} deep", "make it smaller", node)
        sizes[id(node)] = (values, levels)


def _below(node: yaml.Node) -> list[yaml.Node]:
    """What stands right below a node."""
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def parse(text: str, where: str) -> Any:
    """The data in a YAML text; None when it is empty. Raises DefinitionError with the line."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _check_size(root)
        return loader.construct_document(root)
    except _Unfit as error:
        raise DefinitionError(f"{where}:{error.line}", str(error), got=error.got, do=error.do) from error
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, where) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DefinitionError(where, f"not YAML: {error}") from error


def _not_yaml(error: yaml.MarkedYAMLError, where: str) -> DefinitionError:
    """The error in one line; PyYAML's own shows the text around it."""
    mark = error.problem_mark or error.context_mark
    begins = f" in line {error.context_mark.line + 1}" if error.context_mark else ""
    context = f" ({error.context}{begins})" if error.context else ""
    return DefinitionError(f"{where}:{mark.line + 1}" if mark else where, f"not YAML: {error.problem}{context}")


def lines(text: str) -> dict[str, int]:
    """The line of each path in a YAML text (see `domain/places.py`), for as many as are looked at; of the whole under an empty one.

    What is merged in (`<<`) or named again (`*`) stands where it was written.
    """
    try:
        root = _Loader(text).get_single_node()
    except (yaml.YAMLError, RecursionError):
        return {}
    if root is None:
        return {}
    found = {"": root.start_mark.line + 1}
    waiting = [("", root, 0)]
    while waiting and len(found) < MAX_PATHS:
        path, node, depth = waiting.pop()
        for below, line, value in _parts(node, path):
            if below not in found and depth < MAX_DEPTH:
                found[below] = line
                waiting.append((below, value, depth + 1))
    return found


def _parts(node: yaml.Node, path: str) -> Iterator[tuple[str, int, yaml.Node]]:
    """(path, line, what stands there) right below a node; its own before what is merged in."""
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield places.below(path, index), value.start_mark.line + 1, value
    mappings, seen = [node], set()
    for one in mappings:  # grows by what is merged in, each once
        if isinstance(one, yaml.MappingNode) and id(one) not in seen:
            seen.add(id(one))
            for key, value in one.value:
                if key.tag == _MERGE:
                    mappings += value.value if isinstance(value, yaml.SequenceNode) else [value]
                else:
                    yield places.below(path, str(key.value)), key.start_mark.line + 1, value
