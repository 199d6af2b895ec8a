"""The deliver role as a process that can be killed, on a small data directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tidings import config as configuration
from tidings.config import CollectConfig, Config, MailConfig

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 4
TEMPLATE = """---
subject: "Hello {{ person.first_name }}"
---
<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ person.first_name }},
<a href="https://shop.example/{{ journey }}">look</a>. <a href="{{ unsubscribe_url }}">Unsubscribe</a>
{{ shop.postal_address }}</mj-text></mj-column></mj-section></mj-body></mjml>
"""
_LIFE = """
import logging, sys
from pathlib import Path
from tidings import config
from tidings.hosts.deliver import run
logging.basicConfig(stream=sys.stderr, level="INFO")
run(config.load(Path(sys.argv[1])), lambda facts: print("ready", flush=True))
"""


def make_place(folder: Path, smtp_port: int, collect_port: int = 9, *, timeout_s: float = 5.0) -> Config:
    """A data directory with one template; nobody listens on the collector's port unless told."""
    config = Config(
        data=folder / "data",
        workspace=folder / "workspace",
        collect=CollectConfig(port=collect_port),
        mail=MailConfig(
            smtp_port=smtp_port, smtp_connections=CONNECTIONS, smtp_timeout_s=timeout_s, shop_url="https://shop.example"
        ),
    )
    (config.workspace / "templates").mkdir(parents=True)
    (config.workspace / "templates" / "abandoned_cart.mjml").write_text(TEMPLATE)
    configuration.save(config, folder / "tidings.toml")
    return config


class Life:
    """One run of the role."""

    def __init__(self, folder: Path, log: IO[bytes]) -> None:
        command: Sequence[str] = [sys.executable, "-c", _LIFE, str(folder / "tidings.toml")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"ready\n":
            self.kill()
            msg = f"the role did not start: {Path(log.name).read_text()[-2000:]}"
            raise RuntimeError(msg)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        self.process.send_signal(number)
        status = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@contextmanager
def log_file(folder: Path) -> Iterator[IO[bytes]]:
    with (folder / "role.log").open("ab") as log:
        yield log
