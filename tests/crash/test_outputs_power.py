"""Power cuts: output blocks up to `durable_seq` are there afterwards, and what was lost can be handed on again.

The disk is simulated below SQLite. The control run, in which `sync` does not wait for the disk, shows that the test can
see a loss.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from tests.property.power import PowerLossDisk
from tidings.domain.output import OutputBlock
from tidings.outputs.sqlite import SqliteOutputs

SEEDS = 25
CUTS = 15


class Connection:
    """apsw on the simulated disk; when `lying`, no commit waits for it."""

    def __init__(self, disk: PowerLossDisk, lying: bool) -> None:
        self._disk = disk
        self._lying = lying
        self._inner = apsw.Connection("outputs.db", vfs=disk.vfs_name)
        self._inner.execute("PRAGMA locking_mode=EXCLUSIVE")  # a simulated disk has no shared memory

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Any:
        if self._lying and statement == "PRAGMA synchronous=FULL":
            statement = "PRAGMA synchronous=NORMAL"
        return self._inner.execute(statement, parameters)

    def close(self) -> None:
        self._disk.abandon(self._inner.close)


def block(seq: int) -> OutputBlock:
    return OutputBlock(seq, seq, [], [], [("p", random.Random(seq).randbytes(seq % 40 * 100))])


def cuts(seed: int, folder: Path, lying: bool) -> tuple[int, int]:
    """(blocks handed on, blocks gone that were said to be safe) over `CUTS` power cuts; ends at the first loss."""
    rng, disk = random.Random(seed), PowerLossDisk(f"outputs-{lying}-{seed}")
    made = safe = again = 0
    for _ in range(CUTS):
        store = SqliteOutputs(folder / "outputs.db", connect=lambda _: Connection(disk, lying))
        last = store.last_seq()
        if last < safe:
            store.close()
            return made, safe - last
        again += made - last
        store.append([block(seq) for seq in range(safe + 1, made + 1)])  # all that the processor still has
        for seq in range(made + 1, made + rng.randrange(2, 30)):
            store.append([block(seq)])
            made = seq
            if rng.random() < 0.15:
                safe = store.sync()
            if rng.random() < 0.1:
                store.trim(rng.randrange(seq + 1))
        kept = store.read(0, 10_000)
        assert kept == [block(seq) for seq in range(kept[0].seq, made + 1)]
        disk.cut(rng)
        store.close()
    assert again > 0
    return made, 0


def test_what_is_said_to_be_safe_survives_and_the_rest_comes_again(tmp_path: Path) -> None:
    found = [cuts(seed, tmp_path, lying=False) for seed in range(SEEDS)]
    assert sum(made for made, _ in found) > 1_000
    assert sum(lost for _, lost in found) == 0


def test_the_control_loses_blocks_that_were_said_to_be_safe(tmp_path: Path) -> None:
    assert sum(cuts(seed, tmp_path, lying=True)[1] for seed in range(SEEDS)) > 0
