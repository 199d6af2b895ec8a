"""The providers whose webhooks are taken: name in the address to the module of this package that has all of it."""

from __future__ import annotations

from importlib import import_module

from tidings.feedback.webhooks.base import Provider

KINDS = ("ses", "sendgrid", "mailgun", "postmark", "resend", "brevo", "sparkpost")
"""Each is a module with a `PROVIDER`; ``POST /webhooks/<name>`` is its door."""


def provider(name: str) -> Provider | None:
    """The provider of that name, or None."""
    if name not in KINDS:
        return None
    found: Provider = import_module(f"tidings.feedback.webhooks.{name}").PROVIDER
    return found
