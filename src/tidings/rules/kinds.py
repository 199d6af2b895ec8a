"""The kinds of conditions: name in definitions to the module of this package that has all of it."""

from __future__ import annotations

KINDS = {
    "all": "all",
    "any": "any",
    "not": "not_",
    "did": "did",
    "did_not": "did_not",
    "first": "first",
    "last": "last",
    "sum": "sum",
    "average": "average",
    "minimum": "minimum",
    "maximum": "maximum",
    "distinct": "distinct",
    "sequence": "sequence",
    "trait": "trait",
    "in_segment": "in_segment",
    "in_list": "in_list",
    "consent": "consent",
    "subscribed": "subscribed",
    "engaged": "engaged",
    "local_time": "local_time",
    "anniversary": "anniversary",
}
