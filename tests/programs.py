"""Programs of the system that the tests drive, installed when they are missing and that is possible."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

_ADMIN_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
"""Where to look: programs of the administrator, such as Postfix's, are not on everybody's path."""


def program(name: str, packages: str) -> str:
    """Path of a program of Debian `packages` (separated by blanks).

    As root on Debian a missing one is installed; else the test fails with the command that installs it, never a skip.
    """
    if found := shutil.which(name, path=_ADMIN_PATH):
        return found
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        with Path(__file__).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once must not install over each other
            run(["apt-get", "update"], Path("/"))
            run(["apt-get", "install", "-y", *packages.split()], Path("/"))
    found = shutil.which(name, path=_ADMIN_PATH)
    if not found:
        pytest.fail(f"{name} is missing; run: apt-get install -y {packages}", pytrace=False)
    return found


def run(command: list[str], folder: Path) -> str:
    """What a command printed; the test fails with all of it when the command does."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, cwd=folder, env=quiet, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        pytest.fail(f"in {folder}: {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}", pytrace=False)
    return done.stdout
