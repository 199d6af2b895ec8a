"""All benchmarks, one after the other, each in a process of its own.

python -m benchmarks [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "ingest",
    "process",
    "segments",
    "backfill",
    "backtest",
    "latency",
    "million",
    "broadcast",
    "render",
    "send",
    "recommend",
    "deciding",
    "bounces",
)


def main() -> None:
    wanted = sys.argv[1:] or ALL
    failed = []
    for name in wanted:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
