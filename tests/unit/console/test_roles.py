"""Console and shop as roles: they say where they are, and end cleanly when told, also with a live page open."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tidings.config import Config, ConsoleConfig, save

_ROOT = Path(__file__).resolve().parents[3]
_CONSOLE = """
import json, sys
from pathlib import Path
from tidings.config import load
from tidings.hosts.console import run
run(load(Path(sys.argv[1])), lambda facts: print(json.dumps(facts), flush=True))
"""
_SHOP = """
import json, sys
from tidings.demo.shop.app import ShopSettings, run
from tidings.demo.shop.catalogue import Catalogue, Item
items = [Item(item_id="1", name="MUG", price=2.5, orders=3)]
settings = ShopSettings(catalogue=Catalogue(items), collector_url="http://127.0.0.1:9", write_key="k", port=0)
run(settings, lambda facts: print(json.dumps(facts), flush=True))
"""


@contextmanager
def role(program: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A role in a process of its own, with what it said when it was ready."""
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    env = {**os.environ, "PYTHONPATH": str(_ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        yield process, json.loads(line)
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_console_ends_cleanly_with_a_live_page_open(number: signal.Signals, tmp_path: Path) -> None:
    save(Config(data=tmp_path / "data", console=ConsoleConfig(port=0)), tmp_path / "tidings.toml")
    with role(_CONSOLE, str(tmp_path / "tidings.toml")) as (process, facts):
        connection = http.client.HTTPConnection(urlsplit(str(facts["url"])).netloc, timeout=5)
        connection.request("GET", "/live")
        live = connection.getresponse()
        assert live.status == 200
        live.readline()
        started_s = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - started_s < 4
        assert process.stderr is not None
        assert process.stderr.read() == ""
        live.close()
        connection.close()


def test_the_shop_says_where_it_is_and_ends_cleanly() -> None:
    with role(_SHOP) as (process, facts):
        connection = http.client.HTTPConnection("127.0.0.1", int(facts["port"]), timeout=5)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200
        assert b"Mug" in answer.read()
        connection.close()
        process.terminate()
        assert process.wait(10) == 0


def test_a_taken_port_is_an_error_at_the_start(tmp_path: Path) -> None:
    save(Config(data=tmp_path / "data", console=ConsoleConfig(port=0)), tmp_path / "one.toml")
    with role(_CONSOLE, str(tmp_path / "one.toml")) as (_, facts):
        save(Config(data=tmp_path / "data", console=ConsoleConfig(port=int(facts["port"]))), tmp_path / "two.toml")
        command = [sys.executable, "-c", _CONSOLE, str(tmp_path / "two.toml")]
        env = {**os.environ, "PYTHONPATH": str(_ROOT / "src")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=env, check=False)
        assert done.returncode != 0
        assert "Address already in use" in done.stderr
