"""What the doctor says of bounces and of providers' webhooks."""

from __future__ import annotations

from pathlib import Path

from tidings.config import Config, MailConfig, ReturnsConfig
from tidings.hosts.check_returns import returns


def levels(config: Config) -> list[tuple[str, str]]:
    return [(one.level, one.text) for one in returns(config)]


def test_providers_that_are_set_up_are_named_and_slips_found(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    assert levels(config) == []
    folder = tmp_path / "secrets" / "incoming"
    folder.mkdir(parents=True)
    (folder / "postmark").write_text("hook:pass\n")
    (folder / "brevo").write_text("\n")
    (folder / "sendgird").write_text("x\n")
    assert levels(config) == [
        ("wrong", "secrets/incoming/brevo: it is empty, so nothing of this provider is believed"),
        ("ok", "webhooks of postmark are taken at http://127.0.0.1:8300/webhooks/postmark"),
        ("wrong", "secrets/incoming/sendgird: there is no such provider; did you mean sendgrid?"),
    ]


def test_bounces_that_nobody_reads_are_said(tmp_path: Path) -> None:
    mail = MailConfig(bounce_domain="bounce.shop.example")
    ((level, text),) = levels(Config(data=tmp_path, mail=mail))
    assert level == "note"
    assert text.startswith("bounces go to bounce.shop.example, and Tidings does not listen for them")
    assert levels(Config(data=tmp_path, mail=mail, returns=ReturnsConfig(enabled=True))) == []
