"""Data that ships with Tidings, for the demonstration. Origin and licence: ATTRIBUTION.md, next to this file."""

from __future__ import annotations

from pathlib import Path

SLICE = Path(__file__).parent / "online_retail_slice.csv.xz"
"""Three months (2011-09-01 to 2011-11-30) of UCI Online Retail; read it with `workspaces/retail/sources/online_retail.yml`."""
