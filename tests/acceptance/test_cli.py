"""The commands, as a stranger types them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.oracles import run as oracle
from tidings.cli import main
from tidings.hosts.supervisor import free_ports

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["demo", "init", "serve", "import", "replay", "validate", "why", "doctor"]


def tidings(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.output


def test_help_names_every_command_and_where_to_start() -> None:
    code, text = tidings("--help")
    assert code == 0
    assert [name for name in COMMANDS if f"\n  {name} " in text] == COMMANDS
    assert "Start with `tidings demo`" in " ".join(text.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    code, text = tidings(command, "--help")
    assert code == 0
    assert len(text.split("Options:")[0]) > 80


@pytest.mark.parametrize(
    ("template", "journey"),
    [("retail", "abandoned_cart"), ("saas", "trial_ending"), ("publisher", "paywall")],
)
def test_init_makes_a_workspace_that_validates(template: str, journey: str, tmp_path: Path) -> None:
    assert template in tidings("init", "--help")[1].partition("Templates:")[2]
    folder = tmp_path / "shop"
    code, text = tidings("init", str(folder), "--template", template)
    assert code == 0, text
    assert re.search(r"wk_[0-9a-f]{24}", (folder / "tidings.toml").read_text())
    code, text = tidings("validate", str(folder / "workspace"))
    assert code == 0, text
    assert journey in text
    assert "note" not in text
    code, text = tidings("init", str(folder))
    assert code == 2


def test_init_makes_a_retail_workspace_when_nothing_else_is_asked_for(tmp_path: Path) -> None:
    tidings("init", str(tmp_path / "shop"))
    assert (tmp_path / "shop/workspace/sources/online_retail.yml").exists()


def test_a_wrong_definition_is_named_by_file_path_and_value(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    tidings("init", str(folder))
    (folder / "workspace" / "segments.yml").write_text("odd:\n  rule: {did: {event: X, within: 3 fortnights}}\n")
    process = run_command("validate", str(folder / "workspace"))
    assert process.returncode == 2
    for word in ("segments.yml:2: odd.rule.did.within", "'3 fortnights'", "30s, 5m, 2h, 90d"):
        assert word in process.stderr


def test_doctor_finds_nothing_wrong_in_a_fresh_place(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    tidings("init", str(folder))
    code, text = tidings("doctor", "--config", str(folder / "tidings.toml"))
    assert code == 0, text
    assert "is it running?" in text


def test_why_of_an_unknown_message_says_where_to_look(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    tidings("init", str(folder))
    process = run_command("why", "f" * 32, "--config", str(folder / "tidings.toml"))
    assert process.returncode == 2
    assert "the console lists all messages" in process.stderr


def test_before_anything_runs_commands_say_so_and_what_to_do(tmp_path: Path) -> None:
    settings = ("--config", str(tmp_path / "shop" / "tidings.toml"))
    tidings("init", str(tmp_path / "shop"))
    assert tidings("history", *settings)[0] == 0
    for words in (("plan",), ("history",), ("export", str(tmp_path / "out"))):
        process = run_command(*words, *settings)
        assert "nothing runs here yet" in process.stdout + process.stderr, words
    for words in (("person", "ann"), ("segment", "members", "lapsing")):
        process = run_command(*words, *settings)
        assert process.returncode == 2
        assert "start `tidings serve` on this data directory first" in process.stderr
    assert (
        "no such segment runs; did you mean lapsing?" in run_command("segment", "members", "lapsin", *settings).stderr
    )


@pytest.mark.parametrize("role", ["collect", "console"])
def test_a_port_that_is_taken_is_named_in_one_line(role: str, tmp_path: Path) -> None:
    tidings("init", str(tmp_path / "shop"))
    path = tmp_path / "shop" / "tidings.toml"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, free = other.getsockname()[1], free_ports(1)[0]
        ports = {"collect": free, "console": free, role: taken}
        text = path.read_text().replace("port = 8300", f"port = {ports['collect']}")
        path.write_text(text.replace("port = 8301", f"port = {ports['console']}"))
        process = run_command("serve", "--config", str(path))
    assert process.returncode == 2
    assert f"role {role} did not start" in process.stderr
    assert f"{role}.port: port {taken} of 127.0.0.1 is taken by another program" in process.stderr
    assert "Traceback" not in process.stderr


def test_replay_prints_what_would_have_happened() -> None:
    maps, spaces = ROOT / "tests/data/maps", ROOT / "tests/data/workspaces"
    arguments = ["--map", str(maps / "retailrocket.yml"), "--workspace", str(spaces / "retailrocket")]
    code, text = tidings("replay", str(oracle.retailrocket()), *arguments, "--assume-address", "--json")
    assert code == 0, text
    found = json.loads(text)
    assert found["applied"] + found["duplicate"] + found["rejected"] == found["lines"] == 77_608
    assert found["decided"]["send"] == sum(cart.mailed for cart in oracle.retailrocket_carts(oracle.retailrocket()))


def test_the_headless_demo_holds_every_expectation() -> None:
    process = run_command("demo", "--headless", timeout_s=180)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "every expectation held" in process.stdout
    assert re.search(
        r"received [\d,]+ = applied [\d,]+ \+ duplicate [\d,]+ \+ rejected [\d,]+ \+ waiting 0", process.stdout
    )


def run_command(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tidings.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "400"},
        cwd=ROOT,
    )
