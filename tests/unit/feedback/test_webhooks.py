"""Each provider's webhook: what its requests mean, and who is believed."""

from __future__ import annotations

import datetime
import hmac
import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from tidings.clock import SECOND_US, iso
from tidings.deliver.esp import sendgrid
from tidings.errors import InputError
from tidings.feedback.webhooks import sendgrid as read_sendgrid
from tidings.feedback.webhooks.base import TOLERANCE_S, Hook, Provider, Unproven
from tidings.feedback.webhooks.kinds import KINDS, provider

GOLDEN = Path(__file__).parents[2] / "golden" / "webhooks"
MESSAGE = "0123456789abcdef0123456789abcdef"
NOW_S = 1_764_547_200
NOW_US = NOW_S * SECOND_US
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"


def cases(name: str) -> list[dict[str, Any]]:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def of(name: str) -> Provider:
    found = provider(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name in KINDS for case in cases(name)],
    ids=lambda one: one if isinstance(one, str) else one["about"],
)
def test_what_a_request_means(name: str, case: dict[str, Any]) -> None:
    told = of(name).read(json.dumps(case["body"]).encode())
    assert len(told) == len(case["expect"])
    for news, wanted in zip(told, case["expect"], strict=True):
        assert news.name == wanted["name"]
        assert MESSAGE in news.ids
        if wanted["kind"]:
            assert news.verdict is not None
            assert (news.verdict.kind, news.verdict.reason) == (wanted["kind"], wanted["reason"])
        assert "at" not in wanted or iso(news.at_us) == wanted["at"]
        assert {key: news.extra.get(key) for key in ("machine", "url") if key in wanted} == {
            key: wanted[key] for key in ("machine", "url") if key in wanted
        }


EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECRETS = {
    "sendgrid": b64encode(
        EC_KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode(),
    "mailgun": "key-abc",
    "postmark": "hook:pass",
    "resend": "whsec_" + b64encode(b"k" * 24).decode(),
    "brevo": "tok-1",
    "sparkpost": "hook:pass",
    "ses": TOPIC,
}


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.fromtimestamp(NOW_S, datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(RSA_KEY.public_key())
    made = made.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    return made.sign(RSA_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


CERTIFICATE = certificate()


def sns(note: dict[str, Any], at_s: int = NOW_S) -> dict[str, Any]:
    """The same, signed anew."""
    note = {**note, "Timestamp": iso(at_s * SECOND_US)}
    kind: Any = hashes.SHA1() if note["SignatureVersion"] == "1" else hashes.SHA256()
    signed = "".join(
        f"{field}\n{note[field]}\n"
        for field in ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        if field in note
    )
    return {**note, "Signature": b64encode(RSA_KEY.sign(signed.encode(), padding.PKCS1v15(), kind)).decode()}


def genuine(name: str, value: Any, at_s: int = NOW_S) -> Hook:
    """A request as the provider makes it at that time."""
    body = json.dumps(value).encode()
    if name == "sendgrid":
        signature = b64encode(EC_KEY.sign(str(at_s).encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        stem = "x-twilio-email-event-webhook"
        return Hook(headers={f"{stem}-signature": signature, f"{stem}-timestamp": str(at_s)}, body=body)
    if name == "mailgun":
        given = hmac.new(b"key-abc", f"{at_s}token-7".encode(), sha256).hexdigest()
        signature_part = {"timestamp": str(at_s), "token": "token-7", "signature": given}
        return Hook(headers={}, body=json.dumps({**value, "signature": signature_part}).encode())
    if name == "resend":
        given = b64encode(hmac.digest(b"k" * 24, f"msg_1.{at_s}.".encode() + body, "sha256")).decode()
        return Hook(
            headers={"svix-id": "msg_1", "svix-timestamp": str(at_s), "svix-signature": f"v1,x v1,{given}"}, body=body
        )
    if name == "ses":
        return Hook(headers={}, body=json.dumps(sns(value, at_s)).encode())
    scheme = "Bearer tok-1" if name == "brevo" else "Basic " + b64encode(b"hook:pass").decode()
    return Hook(headers={"authorization": scheme}, body=body)


def check(name: str, hook: Hook, secret: str = "", now_us: int = NOW_US) -> str:
    given = [secret or SECRETS[name]]
    of(name).wants(hook, given)
    return of(name).check(hook, given, now_us, CERTIFICATE)


SIGNED = ("sendgrid", "mailgun", "resend", "ses")
UNSIGNED = ("postmark", "brevo", "sparkpost")


@pytest.mark.parametrize("name", KINDS)
def test_a_genuine_request_is_believed_and_told_apart(name: str) -> None:
    value = cases(name)[0]["body"]
    assert check(name, genuine(name, value))
    assert check(name, genuine(name, value)) or name == "sendgrid"


@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_secret_is_not_believed(name: str) -> None:
    hook = genuine(name, cases(name)[0]["body"])
    for secret in ("other", "hook:other", b64encode(b"o" * 91).decode(), "whsec_" + b64encode(b"o" * 24).decode(), "é"):
        with pytest.raises(Unproven):
            check(name, hook, secret)
    with pytest.raises(Unproven):
        check(name, Hook(headers={}, body=json.dumps({"Type": "Notification", "TopicArn": TOPIC}).encode()))


@pytest.mark.parametrize("name", ["sendgrid", "resend", "ses"])
def test_a_changed_body_is_not_believed(name: str) -> None:
    hook = genuine(name, cases(name)[0]["body"])
    changed = hook.body.replace(MESSAGE.encode(), MESSAGE[::-1].encode())
    assert changed != hook.body
    with pytest.raises(Unproven, match="bad_signature"):
        check(name, Hook(headers=hook.headers, body=changed))


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("off_s", [-TOLERANCE_S - 1, TOLERANCE_S + 1])
def test_one_signed_long_ago_or_for_later_is_not_believed(name: str, off_s: int) -> None:
    hook = genuine(name, cases(name)[0]["body"], NOW_S + off_s)
    with pytest.raises(Unproven, match="stale"):
        check(name, hook)
    assert check(name, hook, now_us=(NOW_S + off_s) * SECOND_US)


def test_any_of_several_secrets_will_do() -> None:
    for name in KINDS:
        hook = genuine(name, cases(name)[0]["body"])
        assert of(name).check(hook, ["other", SECRETS[name]], NOW_US, CERTIFICATE)


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_of_amazons_signatures_are_known(version: str) -> None:
    note = {**cases("ses")[0]["body"], "SignatureVersion": version, "Subject": "Hello"}
    assert check("ses", genuine("ses", note))
    with pytest.raises(Unproven):
        check("ses", Hook(headers={}, body=json.dumps({**sns(note), "SignatureVersion": "3"}).encode()))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-abc.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com/bucket/x.pem",
        "https://s3.amazonaws.com/SimpleNotificationService-abc.pem",
        "",
        None,
    ],
)
def test_a_certificate_comes_from_amazon_or_not_at_all(url: object) -> None:
    hook = genuine("ses", {**cases("ses")[0]["body"], "SigningCertURL": url})
    with pytest.raises(Unproven, match="bad_certificate"):
        of("ses").wants(hook, [TOPIC])


def test_a_topic_of_somebody_elses_is_not_believed_and_nothing_is_fetched() -> None:
    hook = genuine("ses", {**cases("ses")[0]["body"], "TopicArn": "arn:aws:sns:eu-west-1:666666666666:evil"})
    with pytest.raises(Unproven, match="unknown_topic"):
        of("ses").wants(hook, [TOPIC])


def test_a_subscription_is_confirmed_at_amazon_only() -> None:
    base = {**cases("ses")[0]["body"], "Type": "SubscriptionConfirmation", "Token": "t", "Message": "You have chosen"}
    good = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:mail&Token=2336"
    hook = genuine("ses", {**base, "SubscribeURL": good})
    assert check("ses", hook)
    assert of("ses").follow(hook) == good
    assert of("ses").read(hook.body) == []
    for url in (
        "https://evil.example/?Action=ConfirmSubscription&a=b",
        "http://127.0.0.1/",
        good.replace("https", "http"),
    ):
        assert of("ses").follow(genuine("ses", {**base, "SubscribeURL": url})) == ""


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"1",
        b'"x"',
        b"{}",
        b"[]",
        b"[[]]",
        b'[{"msys": 1}]',
        b"[null, 7]",
        b"\xff",
        b"[" * 5_000,
        b'{"event-data": 7, "Type": [], "Message": {}}',
        b'{"Type": "Notification", "Message": "{"}',
    ],
)
def test_what_is_no_request_of_theirs_is_refused_or_means_nothing(name: str, body: bytes) -> None:
    try:
        told = of(name).read(body)
    except InputError:
        return
    assert all(not news.name for news in told)
    with pytest.raises(InputError):
        check(name, Hook(headers={}, body=body))


def strange(value: Any) -> Any:
    """The same shape with other types inside."""
    if isinstance(value, dict):
        return {key: strange(one) for key, one in value.items()}
    return [] if isinstance(value, str) else {"x": 1}


@pytest.mark.parametrize("name", KINDS)
def test_values_of_other_types_break_nothing(name: str) -> None:
    for case in cases(name):
        body = case["body"]
        twisted = [strange(one) for one in body] if isinstance(body, list) else strange(body)
        try:
            told = of(name).read(json.dumps(twisted).encode())
        except InputError:
            continue
        assert all(news.ids == () for news in told)


def test_our_message_id_has_one_name_on_its_way_out_and_back() -> None:
    assert sendgrid.ID_FIELD == read_sendgrid.ID_FIELD
