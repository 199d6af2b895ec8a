"""Programs that the tests drive, made ready when they are missing: Node packages and Chromium."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.programs import program, run

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
    return program("node", "nodejs npm")


def install_packages(folder: Path) -> Path:
    """`npm ci` in `folder`, unless what its lock file names is there already; its `node_modules`."""
    npm = program("npm", "nodejs npm")
    installed = folder / "node_modules" / ".package-lock.json"
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once must not install over each other
        if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
            run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    return folder / "node_modules"


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """The system's Chromium, headless. One at a time in a process: Playwright's loop lives in the calling thread."""
    executable = program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_CHROMIUM_ARGS)
        yield browser
        browser.close()
