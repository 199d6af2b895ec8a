"""Programs that the tests drive, made ready when they are missing: Node packages and Chromium."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

_CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no test asks anybody outside
]


def node() -> str:
    """Path of node; fails with the command that installs it."""
    return _program("node", "nodejs npm")


def install_packages(folder: Path) -> Path:
    """`npm ci` in `folder`, unless what its lock file names is there already; its `node_modules`."""
    npm = _program("npm", "nodejs npm")
    installed = folder / "node_modules" / ".package-lock.json"
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once must not install over each other
        if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    return folder / "node_modules"


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """The system's Chromium, headless. One at a time in a process: Playwright's loop lives in the calling thread."""
    executable = _program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_CHROMIUM_ARGS)
        yield browser
        browser.close()


def _program(name: str, packages: str) -> str:
    if found := shutil.which(name):
        return found
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        _run(["apt-get", "update"], Path("/"))
        _run(["apt-get", "install", "-y", *packages.split()], Path("/"))
    found = shutil.which(name)
    if not found:
        pytest.fail(f"{name} is missing; run: apt-get install -y {packages}", pytrace=False)
    return found


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        pytest.fail(f"in {folder}: {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}", pytrace=False)
