"""State in RocksDB: one synced write batch per micro-batch (see docs/adr/0002-state.md for why).

Column families: states, links, wakes, outputs, meta, items, interests (item and profile), and one per dedup generation (``seen-<from>-<to>``): ids are looked up
in the present and the previous generation, and older ones are dropped whole, so forgetting costs nothing per id. Their
names say what they span, because the window may be configured anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rocksdict import AccessType, BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from tidings.state.base import NO_GENERATION, Commit, Generation, Wake
from tidings.state.near import Near

_FAMILIES = ("states", "links", "wakes", "outputs", "meta", "items", "interests")
_WIDTH = 8


def _options(cache: Cache, *, points: bool) -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_max_background_jobs(2)
    table = BlockBasedOptions()
    table.set_block_cache(cache)
    if points:
        table.set_bloom_filter(10, False)
        options.set_memtable_whole_key_filtering(True)
        options.set_memtable_prefix_bloom_ratio(0.05)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_size(64 << 20)
    return options


class RocksState:
    """One directory, one process."""

    def __init__(self, path: Path, dedup_window_us: int, cache_bytes: int = 256 << 20) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._window_us = dedup_window_us
        self._cache = Cache(cache_bytes)
        try:
            present = [name for name in Rdict.list_cf(str(path)) if name != "default"]
        except Exception:  # noqa: BLE001 - the binding raises a bare Exception for "no database yet"
            present = []
        families = sorted({*_FAMILIES, *present})
        columns = {name: _options(self._cache, points=name not in ("wakes", "interests")) for name in families}
        self._db = Rdict(
            str(path), _options(self._cache, points=True), column_families=columns, access_type=AccessType.read_write()
        )
        self._cf: dict[str, Rdict] = {name: self._db.get_column_family(name) for name in families}
        self._handles: dict[str, Any] = {name: self._db.get_column_family_handle(name) for name in families}
        self._synced = WriteOptions()
        self._synced.sync = True
        self._seen = {_generation(name): name for name in families if name.startswith("seen-")}
        position = self._cf["meta"].get(b"position")
        self._offset = int.from_bytes(position[:_WIDTH], "big") if position else 0
        self._seq = int.from_bytes(position[_WIDTH:], "big") if position else 0
        self._fired_us = int.from_bytes(self._cf["meta"].get(b"fired") or b"", "big")
        self._dropped_seq = self._drop_to = self._first_kept() - 1
        self._near = Near(self._wakes_behind)

    def _first_kept(self) -> int:
        """Number of the oldest output that is still kept; the next number when there is none."""
        rows = self._cf["outputs"].iter()
        rows.seek_to_first()
        return int.from_bytes(rows.key(), "big") if rows.valid() else self._seq + 1

    def states(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """See `StateStore.states`."""
        return self._many("states", [one.encode() for one in profile_ids])

    def scan(self, after_id: str, limit: int) -> list[tuple[str, bytes]]:
        """See `StateStore.scan`."""
        rows = self._cf["states"].iter()
        rows.seek(after_id.encode() + b"\x00")
        found: list[tuple[str, bytes]] = []
        while rows.valid() and len(found) < limit:
            found.append((rows.key().decode(), rows.value()))
            rows.next()
        return found

    def links(self, keys: Sequence[str]) -> list[str | None]:
        """See `StateStore.links`."""
        found = self._many("links", [one.encode("utf-8", "surrogatepass") for one in keys])
        return [None if one is None else one.decode() for one in found]

    def _many(self, family: str, keys: list[Any]) -> list[bytes | None]:
        if not keys:
            return []
        return list(self._cf[family].get(keys) or ())

    def seen(self, keys: Sequence[str], at_us: int) -> list[bool]:
        """See `StateStore.seen`."""
        raw = [key.encode("utf-8", "surrogatepass") for key in keys]
        found = [False] * len(raw)
        now = self.generation(at_us)
        for family in [name for generation, name in self._seen.items() if now.remembers(generation)]:
            for index, value in enumerate(self._many(family, raw)):
                if value is not None:
                    found[index] = True
        return found

    def generation(self, at_us: int) -> Generation:
        """See `StateStore.generation`. A clock that steps back stays in the newest one."""
        newest = max(self._seen, default=NO_GENERATION)
        return newest if newest.start_us > at_us else Generation.of(at_us, self._window_us)

    def items(self, item_ids: Sequence[str]) -> list[bytes | None]:
        """See `StateStore.items`."""
        return self._many("items", [one.encode("utf-8", "surrogatepass") for one in item_ids])

    def interested(self, item_id: str, after_id: str, limit: int) -> list[str]:
        """See `StateStore.interested`."""
        prefix = _interest(item_id, "")
        rows = self._cf["interests"].iter()
        rows.seek(prefix + after_id.encode() + (b"\x00" if after_id else b""))
        found: list[str] = []
        while rows.valid() and len(found) < limit and rows.key().startswith(prefix):
            found.append(rows.key()[len(prefix) :].decode())
            rows.next()
        return found

    def due(self, until_us: int, limit: int) -> list[Wake]:
        """See `StateStore.due`."""
        bound = (until_us + 1).to_bytes(_WIDTH, "big")
        return [_wake(key) for key in self._near.upto(bound, limit)]

    def next_due_us(self) -> int:
        """See `StateStore.next_due_us`."""
        return int.from_bytes(self._near.first()[:_WIDTH], "big")

    def _wakes_behind(self, key: bytes, limit: int) -> list[bytes]:
        rows = self._cf["wakes"].iter()
        rows.seek(key + b"\x00") if key else rows.seek_to_first()
        found: list[bytes] = []
        while rows.valid() and len(found) < limit:
            found.append(rows.key())
            rows.next()
        return found

    def commit(self, commit: Commit) -> None:
        """See `StateStore.commit`."""
        batch = WriteBatch(raw_mode=True)
        put, handles = batch.put, self._handles
        states, links, wakes = handles["states"], handles["links"], handles["wakes"]
        for profile_id, data in commit.states.items():
            put(profile_id.encode(), data, states)
        for key, profile_id in commit.links.items():
            put(key.encode("utf-8", "surrogatepass"), profile_id.encode(), links)
        if commit.seen:
            seen = self._seen_handle(commit.seen_us)
            for key in commit.seen:
                put(key.encode("utf-8", "surrogatepass"), b"", seen)
        unwoken, woken = [_wake_key(wake) for wake in commit.unwakes], [_wake_key(wake) for wake in commit.wakes]
        for gone in unwoken:
            batch.delete(gone, wakes)
        for come in woken:
            put(come, b"", wakes)
        if commit.items or commit.interests or commit.uninterests:
            self._put_items(batch, commit)
        if commit.outputs:
            put(commit.seq.to_bytes(_WIDTH, "big"), commit.outputs, handles["outputs"])
        for name, value in commit.meta.items():
            put(f"m:{name}".encode(), value, handles["meta"])
        self._drop(batch)
        position = commit.offset.to_bytes(_WIDTH, "big") + commit.seq.to_bytes(_WIDTH, "big")
        put(b"position", position, handles["meta"])
        if commit.fired_us > self._fired_us:
            put(b"fired", commit.fired_us.to_bytes(_WIDTH, "big"), handles["meta"])
        self._db.write(batch, self._synced)
        self._near.change(unwoken, woken)
        self._offset, self._seq = commit.offset, commit.seq
        self._fired_us = max(self._fired_us, commit.fired_us)

    def _put_items(self, batch: Any, commit: Commit) -> None:
        items, interests = self._handles["items"], self._handles["interests"]
        for item, data in commit.items.items():
            batch.put(item.encode("utf-8", "surrogatepass"), data, items)
        for item, profile_id in commit.uninterests:
            batch.delete(_interest(item, profile_id), interests)
        for item, profile_id in commit.interests:
            batch.put(_interest(item, profile_id), b"", interests)

    def _drop(self, batch: WriteBatch) -> None:
        for seq in range(self._dropped_seq + 1, self._drop_to + 1):
            batch.delete(seq.to_bytes(_WIDTH, "big"), self._handles["outputs"])
        self._dropped_seq = self._drop_to

    def _seen_handle(self, seen_us: int) -> Any:
        now = self.generation(seen_us)
        if now not in self._seen:
            name = self._seen[now] = f"seen-{now.start_us}-{now.end_us}"
            self._cf[name] = self._db.create_column_family(name, _options(self._cache, points=True))
            self._handles[name] = self._db.get_column_family_handle(name)
            for old in [one for one in self._seen if not now.remembers(one)]:
                name = self._seen.pop(old)
                del self._cf[name], self._handles[name]
                self._db.drop_column_family(name)
        return self._handles[self._seen[now]]

    def position(self) -> tuple[int, int]:
        """See `StateStore.position`."""
        return self._offset, self._seq

    def fired_us(self) -> int:
        """See `StateStore.fired_us`."""
        return self._fired_us

    def outputs(self, after_seq: int) -> list[tuple[int, bytes]]:
        """See `StateStore.outputs`."""
        rows = self._cf["outputs"].iter()
        rows.seek((after_seq + 1).to_bytes(_WIDTH, "big"))
        found = []
        while rows.valid():
            found.append((int.from_bytes(rows.key(), "big"), rows.value()))
            rows.next()
        return found

    def drop_outputs(self, upto_seq: int) -> None:
        """See `StateStore.drop_outputs`."""
        self._drop_to = max(self._drop_to, min(upto_seq, self._seq))

    def meta(self, name: str) -> bytes | None:
        """See `StateStore.meta`."""
        found: bytes | None = self._cf["meta"].get(f"m:{name}".encode())
        return found

    def set_meta(self, name: str, value: bytes) -> None:
        """See `StateStore.set_meta`."""
        batch = WriteBatch(raw_mode=True)
        batch.put(f"m:{name}".encode(), value, self._handles["meta"])
        self._db.write(batch, self._synced)

    def close(self) -> None:
        """See `StateStore.close`."""
        self._cf.clear()
        self._handles.clear()
        self._db.close()


def _generation(family: str) -> Generation:
    """The generation whose ids a column family keeps."""
    _, start_us, end_us = family.split("-")
    return Generation(int(start_us), int(end_us))


def _interest(item: str, profile_id: str) -> bytes:
    """Length first: an item id may hold anything."""
    name = item.encode("utf-8", "surrogatepass")
    return len(name).to_bytes(2, "big") + name + profile_id.encode()


def _wake(key: bytes) -> Wake:
    return Wake(int.from_bytes(key[:_WIDTH], "big"), key[_WIDTH:].decode())


def _wake_key(wake: Wake) -> bytes:
    return wake.due_us.to_bytes(_WIDTH, "big") + wake.profile_id.encode()
