"""What the doctor says of what comes back: whether bounces find somebody who reads them, and which providers are believed."""

from __future__ import annotations

from collections.abc import Iterator

from tidings.collect.webhooks import FOLDER
from tidings.config import Config
from tidings.domain.names import nearest
from tidings.feedback.webhooks.kinds import KINDS
from tidings.hosts.finding import Finding


def returns(config: Config) -> Iterator[Finding]:
    """Findings on bounces and providers' webhooks."""
    folder = config.data / "secrets" / FOLDER
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        yield _provider(config, name)
    if config.mail.bounce_domain and not config.returns.enabled and not names:
        yield Finding(
            "note",
            f"bounces go to {config.mail.bounce_domain}, and Tidings does not listen for them: set returns.enabled, or have "
            f"`tidings bounces` read them",
        )


def _provider(config: Config, name: str) -> Finding:
    if name not in KINDS:
        near = nearest(name, KINDS)
        do = f"did you mean {near}?" if near else f"the providers are {', '.join(KINDS)}"
        return Finding("wrong", f"secrets/{FOLDER}/{name}: there is no such provider; {do}")
    if not (config.data / "secrets" / FOLDER / name).read_text("utf-8").strip():
        return Finding("wrong", f"secrets/{FOLDER}/{name}: it is empty, so nothing of this provider is believed")
    return Finding("ok", f"webhooks of {name} are taken at {config.public_url}/webhooks/{name}")
