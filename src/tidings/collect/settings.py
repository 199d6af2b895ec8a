"""What browser SDKs fetch before they send: settings that point them back at this collector.

Because the settings carry our `apiHost` and `protocol`, a shop changes one thing to be ours: `cdnURL` for
analytics.js, the data plane and config address for RudderStack's SDK.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def segment(write_key: str, public_url: str) -> dict[str, Any]:
    """Settings for Segment's analytics.js (``/v1/projects/<write key>/settings``)."""
    url = urlsplit(public_url)
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{url.netloc}{url.path}/v1",
                "protocol": url.scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudder(write_key: str, source: str) -> dict[str, Any]:
    """Settings for RudderStack's SDKs (``/sourceConfig/``): an enabled source without destinations."""
    off = {"enabled": False}
    return {
        "source": {
            "id": source,
            "name": source,
            "writeKey": write_key,
            "enabled": True,
            "workspaceId": "tidings",
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "destinations": [],
            "connections": [],
            "dataplanes": {},
            "sourceDefinition": {"name": "Javascript", "category": None},
            "updatedAt": "2026-01-01T00:00:00.000Z",
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
