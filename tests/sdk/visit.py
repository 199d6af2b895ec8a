"""A visitor's tab on a shop's pages that carry our tracker."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.sdk.door import WRITE_KEY, Door, wait_until
from tests.sdk.pages import Site

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLES = re.findall(r"```html\n(.*?)```", (_ROOT / "docs/reference/tracker.md").read_text("utf-8"), re.DOTALL)
TAG, STUB, CALLS = _EXAMPLES
"""The examples of the tracker's documentation."""
BLOCK_STORAGE = (
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
)
SILENCE = "navigator.sendBeacon = () => true; window.fetch = () => new Promise(() => {}); 0"
"""Run before a test closes its tabs, so that their leaving is not seen by the next test."""
UNSENT = f"tidings_unsent_{WRITE_KEY}_"


class Visit:
    """A tab whose pages carry the tracker, and what the browser complained of."""

    def __init__(self, tab: Page, door: Door, site: Site) -> None:
        self.tab = tab
        self._door = door
        self._site = site
        self.complaints: list[str] = []
        tab.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, path: str, *, attributes: str = "", before: str = "", body: str = "") -> None:
        """Open a page of the shop and wait until the tracker runs."""
        self._site.pages[urlsplit(path).path] = (
            f"<!doctype html><html><head><title>Shop {path}</title>{before}{self._tag(attributes)}</head>"
            f"<body>{body}</body></html>"
        )
        self.tab.goto(self._site.url + path)
        self.tab.wait_for_function("window.tidings && !Array.isArray(window.tidings)")

    def _tag(self, attributes: str) -> str:
        tag = TAG.replace("https://t.shop.example", self._door.url).replace("wk_web", WRITE_KEY)
        return tag.replace("></script>", f" {attributes}></script>")

    def leave(self) -> None:
        """Go to a page without the tracker."""
        self._site.pages["/elsewhere"] = "<title>Elsewhere</title>"
        self.tab.goto(self._site.url + "/elsewhere")

    def run(self, script: str) -> Any:
        """Run JavaScript in the page."""
        return self.tab.evaluate(script)

    def unsent(self) -> list[dict[str, Any]]:
        """The events that localStorage keeps."""
        copies: dict[str, str] = self.run("Object.assign({}, localStorage)")
        mine = [json.loads(text) for name, text in copies.items() if name.startswith(UNSENT)]
        return [json.loads(text) for entries in mine for _, text in entries]

    def wait_until_all_is_sent(self) -> None:
        """Until localStorage keeps no event."""
        wait_until(lambda: self.unsent() == [], 10, lambda: "nothing to be left unsent")
