"""From a due message to finished bytes, and again from the ledger alone.

At the first hand-over a message is made with the templates, sender and recommendations of now, and what it was made
from is kept. Every later time (a retry, an explanation) it is made from what was kept, so it has the same bytes (law 8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Due, Frozen
from tidings.domain.tracking import TokenMaker
from tidings.errors import DefinitionError, InputError, TidingsError
from tidings.recommend.base import Recommendation, Recommender
from tidings.render.mail import CannotRender, Rendered, Sender, render_message
from tidings.render.template import Template, compile_template

MAX_KEPT_TEMPLATES = 64
"""Compiled earlier template versions held in memory."""


class Composed(msgspec.Struct, frozen=True):
    """A finished message and what it was made from."""

    rendered: Rendered
    frozen: Frozen


class Composer:
    """Makes messages."""

    def __init__(
        self,
        ledger: Ledger,
        templates: Mapping[str, Template],
        sender: Sender,
        tokens: TokenMaker,
        recommender: Recommender | None,
        versions: Callable[[str], Mapping[str, Template]] | None = None,
    ) -> None:
        """Without a `recommender` (no model yet) slots stay empty, and templates show what they show then.

        A message that a version of the definitions decided on is made with its templates, which `versions` finds;
        others are made with `templates`.
        """
        self._versions = versions
        self._ledger = ledger
        self._templates = templates
        self._sender = sender
        self._tokens = tokens
        self._recommender = recommender
        self._kept: set[str] = set()
        self._earlier: dict[tuple[str, str], Template] = {}

    def compose(self, due: Due) -> Composed:
        """The finished message. Raises CannotRender."""
        template, sender, items = self._frozen(due) if due.template_version else self._fresh(due)
        rendered = render_message(template, due.intent, items, tokens=self._tokens, sender=sender)
        self._keep(template.version, template.source.encode("utf-8", "surrogatepass"))
        self._keep(sender.version, sender.encoded())
        frozen = Frozen(
            template_version=template.version,
            sender_version=sender.version,
            subject=rendered.subject,
            items=items,
            links=rendered.links,
            digest=rendered.digest,
        )
        return Composed(rendered, frozen)

    def again(self, message_id: str) -> Rendered:
        """A message as it was handed over, from the ledger alone. Raises InputError when it never was."""
        row, intent = self._ledger.message(message_id), self._ledger.intent(message_id)
        if row is None or intent is None or not row.template_version:
            msg = f"message {message_id}: never rendered, so there is nothing to show again"
            raise InputError(msg)
        due = Due(
            intent=intent,
            attempts=row.attempts,
            template_version=row.template_version,
            sender_version=row.sender_version,
            items=self._ledger.items(message_id),
        )
        template, sender, items = self._frozen(due)
        return render_message(template, intent, items, tokens=self._tokens, sender=sender)

    def _fresh(self, due: Due) -> tuple[Template, Sender, list[Recommendation]]:
        intent = due.intent
        template = self._templates_of(intent.definitions).get(intent.template)
        if template is None:
            msg = f"no_template: templates/{intent.template}.mjml is not in the workspace"
            raise CannotRender(msg)
        items: list[Recommendation] = []
        if self._recommender is not None and template.wanted:
            items = self._recommender.recommend(intent.seeds, intent.exclude, template.wanted)
        return template, self._sender, items

    def _templates_of(self, version: str) -> Mapping[str, Template]:
        if self._versions is None or not version:
            return self._templates
        try:
            return self._versions(version)
        except TidingsError as error:
            msg = f"no_template: {error}"
            raise CannotRender(msg) from error

    def _frozen(self, due: Due) -> tuple[Template, Sender, list[Recommendation]]:
        body = self._ledger.kept(due.sender_version)
        if body is None:
            msg = f"not_kept: sender version {due.sender_version} is not in the ledger"
            raise CannotRender(msg)
        return self._template(due.intent.template, due.template_version), Sender.decoded(body), due.items

    def _template(self, name: str, version: str) -> Template:
        present = self._templates.get(name)
        if present is not None and present.version == version:
            return present
        if (name, version) not in self._earlier:
            source = self._ledger.kept(version)
            if source is None:
                msg = f"not_kept: template version {version} is not in the ledger"
                raise CannotRender(msg)
            if len(self._earlier) >= MAX_KEPT_TEMPLATES:
                self._earlier.clear()
            try:
                self._earlier[name, version] = compile_template(name, source.decode("utf-8", "surrogatepass"))
            except DefinitionError as error:
                msg = f"not_kept: template version {version} no longer compiles"
                raise CannotRender(msg) from error
        return self._earlier[name, version]

    def _keep(self, version: str, body: bytes) -> None:
        if version not in self._kept:
            self._ledger.keep(version, body)
            self._kept.add(version)
