"""Mail services on this machine that behave by their documentation, or badly: what they do is said by the recipient's name.

One small HTTP server for all of them; `Dialect` says where a service's request has its recipient and its message, and how it answers.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Dialect:
    """How one service is talked to."""

    find: Callable[[bytes], tuple[str, bytes | None, str]]
    """(recipient, MIME if it was given any, text part) of a request."""
    taken: tuple[int, Body]
    refused: tuple[int, Body]
    key: Callable[[dict[str, str]], str] = lambda _headers: ""
    """The idempotency key of a request, if the service has such."""


def _json(body: bytes) -> Body:
    found: Body = json.loads(body)
    return found


def _fields(path: Callable[[Body], tuple[str, str]]) -> Callable[[bytes], tuple[str, bytes | None, str]]:
    def find(body: bytes) -> tuple[str, bytes | None, str]:
        recipient, text = path(_json(body))
        return recipient, None, text

    return find


def _ses(body: bytes) -> tuple[str, bytes | None, str]:
    said = _json(body)
    return said["Destination"]["ToAddresses"][0], base64.b64decode(said["Content"]["Raw"]["Data"]), ""


def _mailgun(body: bytes) -> tuple[str, bytes | None, str]:
    boundary = body.split(b"\r\n", 1)[0]
    parts = {}
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        found = re.search(rb'name="([^"]+)"', head)
        assert found is not None
        parts[found[1].decode()] = value.removesuffix(b"\r\n")
    return parts["to"].decode(), parts["message"], ""


def _sparkpost(body: bytes) -> tuple[str, bytes | None, str]:
    said = _json(body)
    return said["recipients"][0]["address"]["email"], said["content"]["email_rfc822"].encode(), ""


DIALECTS: dict[str, Dialect] = {
    "ses": Dialect(_ses, (200, {"MessageId": "0100"}), (400, {"__type": "MessageRejected", "message": "rejected"})),
    "sendgrid": Dialect(
        _fields(lambda said: (said["personalizations"][0]["to"][0]["email"], said["content"][0]["value"])),
        (202, {}),
        (400, {"errors": [{"message": "Does not contain a valid address.", "field": "to"}]}),
    ),
    "postmark": Dialect(
        _fields(lambda said: (said["To"], said["TextBody"])),
        (200, {"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a"}),
        (422, {"ErrorCode": 406, "Message": "You tried to send to a recipient that has been marked as inactive."}),
    ),
    "mailgun": Dialect(
        _mailgun,
        (200, {"id": "<1@mg>", "message": "Queued. Thank you."}),
        (400, {"message": "to parameter is not valid"}),
    ),
    "resend": Dialect(
        _fields(lambda said: (said["to"][0], said["text"])),
        (200, {"id": "49a3999c"}),
        (422, {"statusCode": 422, "name": "validation_error", "message": "Invalid `to` field."}),
        lambda headers: headers["idempotency-key"],
    ),
    "brevo": Dialect(
        _fields(lambda said: (said["to"][0]["email"], said["textContent"])),
        (201, {"messageId": "<2026@relay>"}),
        (400, {"code": "invalid_parameter", "message": "email is not valid in to"}),
    ),
    "sparkpost": Dialect(
        _sparkpost,
        (200, {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "11668"}}),
        (422, {"errors": [{"message": "invalid data format/type", "code": "1300"}]}),
    ),
    "braze": Dialect(
        _fields(lambda said: (said["recipients"][0]["email"], said["recipients"][0]["trigger_properties"]["text"])),
        (201, {"message": "success", "dispatch_id": "d1"}),
        (400, {"message": "campaign is archived"}),
    ),
    "iterable": Dialect(
        _fields(lambda said: (said["recipientEmail"], said["dataFields"]["text"])),
        (200, {"code": "Success", "msg": ""}),
        (400, {"code": "InvalidEmailAddressError", "msg": "Invalid email"}),
    ),
    "webhook": Dialect(
        _fields(lambda said: (said["data"]["to"], said["data"]["text"])),
        (200, {"message": "thanks"}),
        (400, {"message": "no"}),
        lambda headers: headers["webhook-id"],
    ),
}


@dataclass
class FakeEsp:
    """What came, and what was taken."""

    dialect: Dialect
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    """(recipient, MIME or text) of what it took responsibility for, also when it then kept silent."""
    connections: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    slow_s: float = 2.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, recipient: str, data: bytes, key: str) -> None:
        with self.lock:
            if not key or key not in self.seen:
                self.taken.append((recipient, data))
            if key:
                self.seen.add(key)


class _Handler(socketserver.StreamRequestHandler):
    timeout = 10
    esp: FakeEsp

    def handle(self) -> None:
        with self.esp.lock:
            self.esp.connections += 1
        while self._once():
            pass

    def _once(self) -> bool:
        """One request; whether there may be another on this connection."""
        try:
            first = self.rfile.readline()
            if not first.strip():
                return False
            headers = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers["content-length"]))
            return self._answer(first.split()[1].decode(), headers, body)
        except OSError:
            return False

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> bool:
        esp = self.esp
        esp.requests.append((path, headers, body))
        recipient, mime, text = esp.dialect.find(body)
        name, data = recipient.partition("@")[0], mime if mime is not None else text.encode()
        if name == "take" or name.endswith(("-taken", "-lost")):
            key = esp.dialect.key(headers)
            first = key not in esp.seen
            esp.take(recipient, data, key)
            return self._after(name, first=first)
        if name == "refuse-data":
            return self._say(*esp.dialect.refused)
        status = {"later-data": 429, "busy": 503, "key": 401, "gateway": 502, "redirect": 302}[name]
        return self._say(status, {"message": name}, b"Location: http://169.254.169.254/\r\nRetry-After: 1\r\n")

    def _after(self, name: str, *, first: bool) -> bool:
        """What it does once it has the message."""
        if name == "hangup-taken" or (name == "once-lost" and first):
            return False
        if name == "silent-taken":
            time.sleep(self.esp.slow_s)
            return False
        if name == "garbled-taken":
            self.wfile.write(b"What a fine mail!\r\n\r\n")
            return False
        if name == "half-taken":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            self.connection.shutdown(socket.SHUT_WR)
            return False
        return self._say(*self.esp.dialect.taken)

    def _say(self, status: int, body: Body, more: bytes = b"") -> bool:
        data = json.dumps(body).encode()
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n" % (status, len(data), more) + data)
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(esp: FakeEsp) -> Iterator[str]:
    """Its address on this machine."""
    handler = type("Handler", (_Handler,), {"esp": esp})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def text_of(data: bytes) -> str:
    """The text part of a message, as a service that wants fields is given it."""
    message = message_from_bytes(data, policy=policy.default)
    body = message.get_body(("plain",))
    return str(body.get_content()) if body is not None else ""
