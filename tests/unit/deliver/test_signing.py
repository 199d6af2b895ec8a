"""Signatures as Standard Webhooks wants them, and secrets that can be changed over."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tidings.deliver import signing
from tidings.errors import InputError

KNOWN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_published_example(tmp_path: Path) -> None:
    signing.path_of(tmp_path, "crm").parent.mkdir(parents=True)
    signing.path_of(tmp_path, "crm").write_text(KNOWN)
    keys = signing.load(tmp_path, "crm")
    made = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}', keys)
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_it_changes_over_both_secrets_sign(tmp_path: Path) -> None:
    first = signing.make(tmp_path, "crm", keep=0)
    alone = signing.headers("id", 1, b"{}", signing.load(tmp_path, "crm"))["webhook-signature"]
    second = signing.make(tmp_path, "crm", keep=1)
    assert first != second == signing.current(tmp_path, "crm")
    both = signing.headers("id", 1, b"{}", signing.load(tmp_path, "crm"))["webhook-signature"].split(" ")
    assert len(both) == 2
    assert both[1] == alone
    signing.drop_old(tmp_path, "crm")
    assert signing.current(tmp_path, "crm") == second
    assert len(signing.load(tmp_path, "crm")) == 1


def test_nobody_else_can_read_a_secret(tmp_path: Path) -> None:
    signing.make(tmp_path, "crm", keep=0)
    path = signing.path_of(tmp_path, "crm")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path.parent.parent)} == {0o700}
    assert [one.name for one in path.parent.iterdir()] == ["crm"], "nothing is left lying about"


@pytest.mark.parametrize("text", ["", "secret", "whsec_!!!", "whsec_c2hvcnQ=", "\xff"])
def test_what_is_no_secret_is_refused(text: str, tmp_path: Path) -> None:
    path = signing.path_of(tmp_path, "crm")
    path.parent.mkdir(parents=True)
    path.write_text(text, "latin-1")
    with pytest.raises(InputError, match="crm"):
        signing.load(tmp_path, "crm")
