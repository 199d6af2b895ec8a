"""One POST: bounds on time, bytes and addresses, whatever the other side does."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from tests.unit.deliver.scripted_http import Got, Script, answer, says, serving
from tidings.deliver import post, reach
from tidings.deliver.post import HttpPoster, Posted
from tidings.errors import InputError

HERE = reach.networks("127.0.0.0/8, ::1/128")
HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


def posted(
    script: Script, *, timeout_s: float = 2.0, networks: reach.Networks = HERE, host: str = "127.0.0.1"
) -> Posted:
    async def run() -> Posted:
        async with serving(script, []) as port:
            return await HttpPoster(networks).post(f"http://{host}:{port}/a?b=1", {}, b"{}", timeout_s)

    return asyncio.run(run())


def test_a_request_is_what_it_should_be() -> None:
    got: list[Got] = []

    async def run() -> Posted:
        async with serving(answer(201, b'{"a":1}'), got) as port:
            return await HttpPoster(HERE).post(f"http://localhost:{port}/hook?x=1", {"X-Shop": "demo"}, b'{"b":2}', 2)

    assert asyncio.run(run()) == Posted(status=201, body=b'{"a":1}')
    (one,) = got
    assert one.head == "POST /hook?x=1 HTTP/1.1"
    assert one.headers["x-shop"] == "demo"
    assert one.headers["host"].startswith("localhost:")
    assert one.headers["content-type"] == "application/json"
    assert one.body == b'{"b":2}'


GOOD: dict[str, tuple[Script, Posted]] = {
    "chunked": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"0\r\n\r\n", pause_s=0.05),
        Posted(status=200, body=b"{}"),
    ),
    "until it hangs up": (says(b"HTTP/1.0 200 OK\r\n\r\n", b"[1]", pause_s=0.05), Posted(status=200, body=b"[1]")),
    "nothing": (says(b"HTTP/1.1 204 No Content\r\n\r\n"), Posted(status=204)),
    "go on, then": (
        says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        Posted(status=200, body=b"{}"),
    ),
    "huge": (says(HUGE, b"x" * 100_000, pause_s=0.1), Posted(status=200, body=b"x" * 4_000, whole=False)),
    "a redirect": (answer(302, b"", "Location: http://169.254.169.254/"), Posted(status=302)),
    "later": (answer(429, b"", "Retry-After: 7"), Posted(status=429, retry_after="7")),
    "no, and hangs up": (
        says(b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\nno"),
        Posted(status=500, body=b"no", whole=False),
    ),
}


@pytest.mark.parametrize(("script", "wanted"), GOOD.values(), ids=GOOD)
def test_answers(script: Script, wanted: Posted) -> None:
    assert posted(script) == wanted


BAD: dict[str, tuple[Script, str]] = {
    "silence": (says(b"", pause_s=3), "timeout"),
    "slow drip": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 60, pause_s=0.05), "timeout"),
    "slow head": (says(b"HTTP/1.1 200 OK\r\nX: ", *[b"y"] * 60, pause_s=0.05), "timeout"),
    "hangs up at once": (says(), "unreachable"),
    "hangs up in the middle": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), "unreachable"),
    "no HTTP": (says(b"220 mail.example ESMTP\r\n"), "unreachable"),
    "endless head": (says(b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 4_000 + b"\r\n"] * 20), "bad_answer"),
    "endless maybe": (says(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 200] * 20), "bad_answer"),
}


@pytest.mark.parametrize(("script", "word"), BAD.values(), ids=BAD)
def test_no_answers(script: Script, word: str) -> None:
    started_s = time.monotonic()
    found = posted(script, timeout_s=0.5)
    assert found.error.partition(":")[0] == word
    assert found.status == 0
    assert not found.final
    assert time.monotonic() - started_s < 2.0


def test_a_refusal_counts_though_its_body_drips() -> None:
    script = says(b"HTTP/1.1 400 No\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 60, pause_s=0.05)
    assert posted(script, timeout_s=0.5).status == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433"])
def test_a_private_address_is_refused_by_whatever_name(host: str) -> None:
    found = posted(answer(200), networks=(), host=host)
    assert found.final
    assert found.error.startswith("private_address")


def test_an_address_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(*_: object, **__: object) -> list[str]:
        return ["::1", "127.0.0.1"]

    monkeypatch.setattr(post, "find", two)
    assert posted(answer(200)).status == 200


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl to make a certificate")
def test_a_certificate_must_be_right_and_of_that_name(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {cert} -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=cert)

    async def run(host: str, context: ssl.SSLContext | None) -> Posted:
        async with serving(answer(200), [], server) as port:
            return await HttpPoster(HERE, context).post(f"https://{host}:{port}/", {}, b"{}", 5)

    assert asyncio.run(run("localhost", trusting)).status == 200
    for host, context in (("localhost", None), ("127.0.0.1", trusting)):
        found = asyncio.run(run(host, context))
        assert (found.status, found.final) == (0, False)
        assert "CERTIFICATE_VERIFY_FAILED" in found.error


def test_http_is_for_this_machine_alone() -> None:
    everything = reach.networks("0.0.0.0/0")
    found = asyncio.run(HttpPoster(everything).post("http://192.0.2.1:9/", {}, b"", 1))
    assert (found.final, found.error.partition(":")[0]) == (True, "not_https")


def test_a_name_without_address_may_have_one_later() -> None:
    found = asyncio.run(HttpPoster(HERE).post("https://no.such.name.invalid/", {}, b"", 5))
    assert (found.final, found.error.partition(":")[0]) == (False, "unreachable")


PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "240.0.0.1",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not reach.permitted(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert reach.permitted(ipaddress.ip_address(address), ())


def test_what_is_allowed_is_allowed_by_every_spelling_and_nothing_else_is() -> None:
    allowed = reach.networks("10.0.0.0/8")
    assert reach.permitted(ipaddress.ip_address("::ffff:10.1.2.3"), allowed)
    assert not reach.permitted(ipaddress.ip_address("192.168.0.1"), allowed)
    with pytest.raises(InputError, match="private_networks"):
        reach.networks("10.0.0.1/8")
