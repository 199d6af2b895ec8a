"""The demo shop as a role; its settings are in `shop.json` in the data directory, written by hosts/demo.py."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tidings.config import Config
from tidings.demo.shop.app import ShopSettings
from tidings.demo.shop.app import run as run_shop
from tidings.demo.shop.catalogue import load


class ShopFile(msgspec.Struct, frozen=True, kw_only=True):
    """What `shop.json` holds."""

    port: int
    """Port of the shop on loopback."""
    write_key: str
    """Public key of the web source."""
    console_url: str
    """Where the ribbon's links lead."""


def run(config: Config, ready: Callable[[dict[str, object]], None]) -> None:
    """Serve the shop until SIGTERM or SIGINT."""
    found = msgspec.json.decode((config.data / "shop.json").read_bytes(), type=ShopFile)
    settings = ShopSettings(
        catalogue=load(config.data / "catalogue.json"),
        collector_url=config.public_url,
        write_key=found.write_key,
        port=found.port,
        console_url=found.console_url,
        secret=(config.data / "secrets" / "shop.key").read_bytes(),
    )
    run_shop(settings, ready)
