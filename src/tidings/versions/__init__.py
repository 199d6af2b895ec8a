"""Versions of the definitions: kept whole, compared, backfilled from the lake, and what a change of them would do."""
