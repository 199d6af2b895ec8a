"""What an operator does with webhooks: secrets, and what the doctor says."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.deliver.test_caller import NOW_US, intent
from tidings.cli import main
from tidings.collect.keys import WriteKeys
from tidings.config import Config, WebhooksConfig
from tidings.deliver import signing
from tidings.deliver.calls import Calls
from tidings.domain.outward import Answer
from tidings.errors import InputError
from tidings.hosts.webhooks import webhooks


@pytest.fixture
def place(tmp_path: Path) -> Path:
    assert CliRunner().invoke(main, ["init", str(tmp_path / "shop")]).exit_code == 0
    return tmp_path / "shop"


def secret(place: Path, *options: str, name: str = "crm") -> str:
    done = CliRunner().invoke(main, ["webhook-secret", name, "--config", str(place / "tidings.toml"), *options])
    return done.output.strip()


def test_a_secret_is_made_once_changed_over_and_the_old_one_dropped(place: Path) -> None:
    first = secret(place)
    assert first.startswith("whsec_")
    assert secret(place) == first
    second = secret(place, "--rotate")
    assert len(signing.load(place / "data", "crm")) == 2
    assert secret(place, "--drop-old") == second != first
    assert len(signing.load(place / "data", "crm")) == 1
    assert secret(place, name="../internal.key").startswith("error: webhook-secret: got '../internal.key'")


def levels(config: Config) -> list[tuple[str, str]]:
    return [(one.level, one.text) for one in webhooks(config)]


def test_the_doctor_says_how_each_webhook_does(place: Path) -> None:
    config = Config(data=place / "data", workspace=place / "workspace")
    assert levels(config) == []
    (config.workspace / "webhooks.yml").write_text('crm: {url: "https://crm.example/"}')
    ((level, text),) = levels(config)
    assert (level, text.partition("; ")[2]) == ("wrong", "make one: tidings webhook-secret crm")
    secret(place)
    assert levels(config) == [("ok", "webhook crm: not called yet")]
    calls = Calls(config.data / "calls.db")
    calls.add([], [intent(number) for number in range(5)])
    calls.finish(intent(0), Answer(result="ok", status=200), now_us=NOW_US)
    assert levels(config) == [("ok", "webhook crm: 1 ok, 0 failed, 4 queued")]
    for number in range(1, 4):
        calls.finish(intent(number), Answer(result="failed", status=301, error="redirect: 301"), now_us=NOW_US)
    calls.close()
    ((level, text),) = levels(config)
    assert level == "wrong"
    assert text.endswith("the last 3 tries went wrong, at 2027-01-15T08:00:00Z: redirect: 301")


def test_the_doctor_says_what_is_wrong_with_their_configuration(place: Path) -> None:
    wrong = WebhooksConfig(private_networks="10.0.0.1/8")
    config = Config(data=place / "data", workspace=place / "workspace", webhooks=wrong)
    ((level, text),) = levels(config)
    assert level == "wrong"
    assert "webhooks.private_networks" in text


def test_no_write_key_speaks_for_us() -> None:
    with pytest.raises(InputError, match="no write key may have the source 'tidings'"):
        WriteKeys({"wk_1": "web", "wk_2": "tidings"})
