"""The transport as configured: the mail server alone, or the routes of ``[mail.routes]``."""

from __future__ import annotations

from tidings.clock import Clock
from tidings.config import Config, RouteConfig
from tidings.deliver.base import Transport
from tidings.deliver.esp.base import Settings
from tidings.deliver.esp.client import EspTransport
from tidings.deliver.esp.kinds import ESPS
from tidings.deliver.file import FileTransport
from tidings.deliver.routing import Route, RoutedTransport
from tidings.deliver.smtp_relay import smtp_transport
from tidings.domain.names import nearest
from tidings.errors import InputError

SMTP, FILE = "smtp", "file"
KINDS = (SMTP, FILE, *ESPS)
"""What a route's `kind` may be."""
_SAME = ("base_url", "domain", "region", "stream", "campaign")


def transport_of(config: Config, clock: Clock) -> Transport:
    """What messages are handed over by. Raises InputError for what is missing or wrong."""
    if not config.mail.routes:
        return smtp_transport(config)
    routes = [
        Route(
            name=name,
            transport=_transport(config, name, route, clock),
            weight=route.weight,
            categories=frozenset(route.categories),
            backup=route.backup,
        )
        for name, route in config.mail.routes.items()
    ]
    return RoutedTransport(routes, clock)


def _transport(config: Config, name: str, route: RouteConfig, clock: Clock) -> Transport:
    if route.kind == SMTP:
        return smtp_transport(config)
    if route.kind == FILE:
        return FileTransport(config.data / "handed-over" / name, connections=route.connections)
    esp = ESPS.get(route.kind)
    if esp is None:
        near = nearest(route.kind, KINDS)
        hint = f"did you mean {near}?" if near else ", ".join(KINDS)
        raise InputError(f"mail.routes.{name}: got kind {route.kind!r}; {hint}")
    settings = Settings(key=_key(config, name), **{field: getattr(route, field) for field in _SAME})
    try:
        return EspTransport(esp, settings, clock, connections=route.connections, timeout_s=route.timeout_s)
    except InputError as error:
        raise InputError(f"mail.routes.{name}: {error}") from error


def _key(config: Config, name: str) -> str:
    path = config.data / "secrets" / f"{name}.key"
    try:
        key = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); put the key of mail.routes.{name} into it") from error
    if not key or not key.isprintable():
        raise InputError(f"{path}: wanted the key of mail.routes.{name} as one line of visible characters")
    return key
