"""Waiting for what is under way: until something ends, somebody calls, or time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def until_any(under_way: Iterable[asyncio.Task[Any]], wake: asyncio.Event, wait_s: float) -> None:
    """Wait until one of these ends or `wake` is set, at most `wait_s` seconds; `wake` is clear afterwards."""
    waker = asyncio.ensure_future(wake.wait())
    try:
        await asyncio.wait({*under_way, waker}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waker.cancel()
    wake.clear()
