"""`tidings init`: a folder with a commented configuration and a workspace to start from."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from tidings import workspace
from tidings.errors import InputError

TEMPLATES = {
    "retail": "a shop: browsing, carts, first and second orders, lapsing and winning back",
    "saas": "software by subscription: onboarding, trials, use of features, churn and upgrades",
    "publisher": "news and magazines: readers and topics, newsletter, paywall, subscribers",
}
"""Workspaces to start from, a folder each in `workspaces/`, and for whom they are."""

SETTINGS = """\
# Tidings. Every setting is in docs/reference/configuration.md; what is not here has its default.
data = "data"                # log, state, ledger, lake, serving copy, secrets
workspace = "workspace"      # your definitions: traits, segments, journeys, templates

[collect]
host = "127.0.0.1"           # put a reverse proxy with TLS in front before you open it to the world
port = 8300
# public_url = "https://t.shop.example"      # how browsers and mail readers reach it
write_keys = {{{write_key} = "web"}}          # public, write-only key of each source

[mail]
smtp_host = "127.0.0.1"
smtp_port = 25
from_name = "My Shop"
from_address = "hello@shop.example"
postal_address = "1 Example Street, Example Town"
# shop_url = "https://shop.example"

[console]
host = "127.0.0.1"
port = 8301
"""


def scaffold(folder: Path, template: str = "retail") -> list[tuple[Path, str]]:
    """Make the folder from one of the `TEMPLATES`; what was made, with a word on each. Raises InputError when there is one already."""
    settings, definitions = folder / "tidings.toml", folder / "workspace"
    for path in (settings, definitions):
        if path.exists():
            msg = f"{path}: is there already; choose another folder, or delete it first"
            raise InputError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    settings.write_text(SETTINGS.format(write_key=f"wk_{secrets.token_hex(12)}"), "utf-8")
    shutil.copytree(Path(workspace.__file__).parent / "workspaces" / template, definitions)
    made = [
        (settings, "configuration, with a fresh write key"),
        (definitions / "traits.yml", "what is computed of each person"),
        (definitions / "segments.yml", "named rules"),
        (definitions / "journeys", "one journey a file"),
        (definitions / "templates", "one mail a file"),
        (definitions / "policy.yml", "consent and caps"),
        (definitions / "tests", "what journeys are to do, as `tidings test` checks it"),
        (definitions / "sources", "maps of files to import"),
    ]
    return [(path, about) for path, about in made if path.exists()]
