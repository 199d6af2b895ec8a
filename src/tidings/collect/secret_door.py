"""A door that wants a secret key: what comes in there makes mail go out, or is our own."""

from __future__ import annotations

from typing import ClassVar

from tidings.clock import Clock
from tidings.collect import body as bodies
from tidings.collect.calls import Parsed
from tidings.collect.committer import Committer
from tidings.collect.http import Request, Response, problem
from tidings.collect.keys import is_internal
from tidings.collect.pressure import Pressure
from tidings.errors import InputError


class SecretDoor:
    """Key, method, pressure and size are the same for all; what a body says is each door's own."""

    KEY: ClassVar[str]
    """The key's name, and that of its file in ``secrets/``."""
    ASK: ClassVar[str]
    """What one does here, for who used another method."""
    MAX_BYTES: ClassVar[int]

    def __init__(self, key: str, committer: Committer, pressure: Pressure, clock: Clock) -> None:
        self._key = key
        self._committer = committer
        self._pressure = pressure
        self._clock = clock

    def take(self, request: Request) -> None:
        """Take one request; it is answered when what it says is on disk, or refused."""
        refusal = self._refusal(request)
        if refusal is not None:
            request.answer(refusal)
            return
        try:
            text = bodies.plain(request.body, request.headers.get(b"content-encoding", b""), self.MAX_BYTES)
            parsed = self.parsed(request, text)
        except bodies.TooLarge as error:
            request.answer(problem(413, "body_too_large", str(error)))
        except InputError as error:
            request.answer(problem(400, "bad_body", str(error)))
        else:
            count = parsed.accepted + parsed.refused
            self._committer.submit(
                parsed.records, count, parsed.size(), lambda first: request.answer(self.stored(first, parsed))
            )

    def parsed(self, request: Request, text: bytes) -> Parsed:
        """What a body says. Raises InputError."""
        raise NotImplementedError

    def stored(self, first: int | None, parsed: Parsed) -> Response:
        """The answer once it is on disk from this offset on; None when it could not be stored."""
        raise NotImplementedError

    def _refusal(self, request: Request) -> Response | None:
        if not is_internal(request.headers.get(b"authorization", b""), self._key):
            what = (
                f"{self.KEY} key: missing or wrong; send the contents of secrets/{self.KEY}.key as Bearer authorization"
            )
            return problem(401, "unauthorised", what, b"WWW-Authenticate: Bearer\r\n")
        if request.method != b"POST":
            return problem(405, "method", f"{self.ASK} with POST", b"Allow: POST\r\n")
        return self._pressure.refusal()
