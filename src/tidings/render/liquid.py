"""Liquid as templates may use it: python-liquid, strict when parsing, bounded when rendering, a fixed set of tags.

Liquid reaches only plain data: there is no attribute access, no call, no file, no clock. A variable that is not there
is empty (people differ in what is known about them); a template's own faults are found when it is compiled.
"""

from __future__ import annotations

from liquid import BoundTemplate, Environment
from liquid.exceptions import LiquidError

from tidings.errors import DefinitionError
from tidings.render import filters

TAGS = frozenset(
    """
    assign capture case comment cycle decrement echo for if ifchanged increment raw tablerow unless
    """.split()  # noqa: SIM905 - one word after the other reads better
)
"""Tags that templates may use; none that loads another file."""
MAX_LOOPS = 10_000
"""Loop iterations per rendering, nested ones multiplied."""
MAX_OUTPUT_BYTES = 512 * 1024
"""Largest rendered part."""
MAX_LOCALS_BYTES = 256 * 1024
"""Memory for assigned and captured values."""

_PARTS = frozenset(("content", "output", "illegal", "#", "break", "continue", "doc"))


class _Bounded(Environment):
    loop_iteration_limit = MAX_LOOPS
    output_stream_limit = MAX_OUTPUT_BYTES
    local_namespace_limit = MAX_LOCALS_BYTES
    context_depth_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Ours instead of all."""
        super().setup_tags_and_filters(extra=extra)
        self.tags = {name: tag for name, tag in self.tags.items() if name in TAGS | _PARTS}
        filters.install(self)


HTML = _Bounded(autoescape=True)
"""For the HTML part: every value is escaped."""
TEXT = _Bounded()
"""For the text part, the subject and the preheader: values stand as they are."""


def parse(environment: Environment, source: str, where: str, first_line: int = 1) -> BoundTemplate:
    """Compile a Liquid source. Raises DefinitionError with the line, counted from `first_line`."""
    try:
        template = environment.from_string(source)
        used = template.analyze()
    except LiquidError as error:
        line = _line(source, error.token.start_index if error.token else 0, first_line)
        raise DefinitionError(f"{where}:{line}", f"Liquid: {_words(error)}") from error
    for name, spans in used.filters.items():
        if name not in environment.filters:
            line = _line(source, spans[0].index, first_line)
            wanted = "one of " + ", ".join(sorted(environment.filters))
            raise DefinitionError(f"{where}:{line}", "unknown Liquid filter", got=name, wanted=wanted)
    return template


def _line(source: str, index: int, first_line: int) -> int:
    return first_line + source.count("\n", 0, max(index, 0))


def _words(error: LiquidError) -> str:
    return str(error).split("\n", 1)[0]
