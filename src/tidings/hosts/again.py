"""`tidings why --render`: a message once more from what the data directory keeps, written to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tidings.config import Config
from tidings.deliver import again as bytes_again
from tidings.deliver.again import Again
from tidings.deliver.ledger import Ledger
from tidings.deliver.sender import sender_of
from tidings.errors import InputError
from tidings.feedback.tokens import load_makers

SCREEN = Path("-")


def again(config: Config, message_id: str) -> Again:
    """The message as it was handed over, and whether it is the same. Raises InputError when it never was rendered."""
    path = config.data / "ledger.db"
    if not path.exists():
        msg = f"{path}: no ledger yet; start `tidings serve` on this data directory first"
        raise InputError(msg)
    ledger = Ledger(path)
    try:
        return bytes_again.again(ledger, message_id, load_makers(config.data / "secrets"), sender_of(config))
    finally:
        ledger.close()


def write(made: Again, target: Path) -> None:
    """Write its bytes, if there are any."""
    if not made.data:
        return
    if target == SCREEN:
        sys.stdout.buffer.write(made.data)
        sys.stdout.buffer.flush()
    else:
        target.write_bytes(made.data)


def lines(made: Again, target: Path) -> list[str]:
    """What came of it, for people."""
    verdict = "identical" if made.identical else "differs" if made.data else "cannot be made again"
    lines = [f"{verdict}: {len(made.data):,} bytes, digest {made.digest or 'none'}, recorded {made.recorded or 'none'}"]
    lines += [f"  {one}" for one in made.differs]
    return [*lines, f"written to {target}"] if made.data and target != SCREEN else lines


def said(made: Again, target: Path) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "message_id": made.message_id,
        "identical": made.identical,
        "size_bytes": len(made.data),
        "digest": made.digest,
        "recorded": made.recorded,
        "differs": made.differs,
        "file": str(target) if made.data else "",
    }
