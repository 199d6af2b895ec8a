"""How well and how fast bounces are read: against the labels of another project, and under a rain of spoilt mails.

python -m benchmarks.bounces [SECONDS of mutation fuzzing, 0 if not given]

The mails and their labels are Sisimai's (BSD-2-Clause); they are not shipped. `hard` is what counts: it alone suppresses.
"""

from __future__ import annotations

import json
import lzma
import os
import random
import resource
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tidings.feedback.bounce.parse import parse
from tidings.feedback.reasons import HARD

SHARED = Path(os.environ.get("TIDINGS_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
THEIRS = {
    "no_such_user": "userunknown",
    "no_such_domain": "hostunknown",
    "no_mail_accepted": "notaccept",
    "moved": "hasmoved",
    "mailbox_full": "mailboxfull",
    "disabled": "suspend",
    "recipient_refused": "filtered rejected",
    "too_large": "mesgtoobig exceedlimit",
    "expired": "expired",
    "delayed": "expired",
    "network": "networkerror",
    "server_error": "systemerror",
    "mailer_error": "mailererror",
    "greylisted": "blocked",
    "rate_limited": "toomanyconn ratelimited",
    "bad_reputation": "badreputation",
    "blocked": "blocked",
    "no_reverse_dns": "requireptr",
    "spam": "spamdetected",
    "virus": "virusdetected",
    "content_rejected": "rejected contenterror",
    "sender_rejected": "rejected",
    "auth_failed": "authfailure",
    "policy": "policyviolation",
    "relay_denied": "norelaying",
    "security": "securityerror",
    "not_standard": "notcompliantrfc",
    "syntax": "syntaxerror",
    "spam_report": "feedback",
    "opt_out": "feedback",
    "away": "vacation",
    "delivered": "delivered",
    "unknown": "undefined onhold",
}
"""Our reasons in their words."""


def mails() -> dict[str, bytes]:
    """The labelled mails by name. Raises AssertionError when they are not there."""
    path = SHARED / "bounces" / "dev_eml.tar.xz"
    assert path.exists(), f"{path} is missing: set TIDINGS_SHARED_DATA to the folder with the test data"
    with lzma.open(path) as packed, tarfile.open(fileobj=packed) as tar:
        files = [(one.name, tar.extractfile(one)) for one in tar if one.isfile()]
        return {name.rpartition("/")[2]: file.read() for name, file in files if file is not None}


def labels() -> dict[str, list[dict[str, object]]]:
    return json.loads((SHARED / "bounces" / "dev_truth.json").read_text())


class Score:
    """Our verdicts against their labels, recipient by recipient."""

    def __init__(self) -> None:
        self.kinds: Counter[tuple[bool, str]] = Counter()
        self.reasons = 0
        self.wrong: list[str] = []

    def add(self, name: str, raw: bytes, expected: list[dict[str, object]]) -> None:
        found = parse(raw).verdicts
        for number, label in enumerate(expected):
            verdict = found[number] if number < len(found) else None
            hard, kind = bool(label["hard_bounce"]), verdict.kind if verdict else "(none)"
            self.kinds[hard, kind] += 1
            self.reasons += verdict is not None and str(label["reason"]) in THEIRS.get(verdict.reason, "").split()
            if hard is not (kind == HARD):
                self.wrong.append(f"{name}: {label['reason']} {label['status']}, we say {verdict and verdict.reason}")

    @property
    def total(self) -> int:
        return sum(self.kinds.values())

    @property
    def hard(self) -> int:
        return sum(n for (hard, _), n in self.kinds.items() if hard)

    @property
    def found(self) -> int:
        return self.kinds[True, HARD]

    @property
    def false(self) -> int:
        return self.kinds[False, HARD]

    def show(self) -> None:
        print(f"{self.total} recipients, {self.hard} of them labelled hard")
        print(f"  hard found          {self.found} of {self.hard} = {self.found / self.hard:.1%}   (limit: 95 %)")
        print(f"  false hard          {self.false} of {self.total - self.hard}            (limit: 0)")
        print(f"  same reason         {self.reasons} of {self.total} = {self.reasons / self.total:.1%}")
        for hard in (True, False):
            row = ", ".join(f"{kind} {n}" for (was, kind), n in sorted(self.kinds.items()) if was is hard)
            print(f"  labelled {'hard' if hard else 'other'}: {row}")
        for line in self.wrong:
            print(f"  differs: {line}")


def score() -> Score:
    found, truth = Score(), labels()
    for name, raw in sorted(mails().items()):
        found.add(name, raw, truth[name])
    return found


def spoilt(originals: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Endless mutations: cut, doubled, crossed, bytes changed, lines shuffled, blown up."""
    while True:
        raw = bytearray(chance.choice(originals))
        for _ in range(chance.randint(1, 8)):
            at, to = sorted(chance.randint(0, len(raw)) for _ in range(2))
            kind = chance.randint(0, 7)
            if kind == 0:
                del raw[at:to]
            elif kind == 1:
                raw[at:at] = raw[at:to]
            elif kind == 2:
                other = chance.choice(originals)
                raw[at:to] = other[chance.randint(0, len(other)) :][: to - at + 200]
            elif kind == 3 and raw:
                raw[min(at, len(raw) - 1)] = chance.randint(0, 255)
            elif kind == 4:
                lines = bytes(raw).split(b"\n")
                chance.shuffle(lines)
                raw = bytearray(b"\n".join(lines))
            elif kind == 5:
                raw[at:at] = bytes([chance.randint(0, 255)]) * chance.choice((1, 80, 4_000))
            elif kind == 6:
                raw[at:at] = bytes(raw[at : at + 60]) * chance.choice((2, 50, 800))
            else:
                raw[at:at] = chance.choice(
                    (b"=", b"\r\n\r\n", b"--", b"<", b'"', b"Content-Type: multipart/mixed; boundary=B\n\n--B\n")
                )
        yield bytes(raw[: 4 * 1024 * 1024])


def rain(seconds: float, seed: int = 1) -> tuple[int, float, float]:
    """(mails read, longest in seconds of CPU, memory grown in MB) of so many seconds of spoilt mails. Nothing may be raised."""
    originals = list(mails().values())
    read, longest, before = 0, 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    until = time.monotonic() + seconds
    for raw in spoilt(originals, random.Random(seed)):
        began = time.process_time()
        assert parse(raw).verdicts
        longest = max(longest, time.process_time() - began)
        read += 1
        if time.monotonic() > until:
            break
    return read, longest, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1_024


def main() -> None:
    score().show()
    originals = list(mails().values())
    began = time.perf_counter()
    for raw in originals:
        parse(raw)
    spent = time.perf_counter() - began
    print(f"  read                {len(originals) / spent:,.0f} mails/s")
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    if seconds:
        read, longest, grown = rain(seconds)
        print(
            f"  spoilt              {read:,} mails in {seconds:g} s: 0 crashes, longest {longest * 1_000:.0f} ms of CPU, +{grown:.0f} MB"
        )


if __name__ == "__main__":
    main()
