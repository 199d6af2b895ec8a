"""The collect role: the HTTP door, wired to the processor's nudge."""

from __future__ import annotations

from collections.abc import Callable

from tidings.collect import role
from tidings.config import Config
from tidings.hosts.nudge import Nudger
from tidings.hosts.signals import until_stopped


def run(config: Config, ready: Callable[[dict[str, object]], None]) -> None:
    """Collect until SIGTERM or SIGINT; `ready` gets the port, once the door is open."""
    nudger = Nudger(config.data / "run" / "process.sock")
    try:
        role.run(config, ready, nudger.nudge, until_stopped)
    finally:
        nudger.close()
