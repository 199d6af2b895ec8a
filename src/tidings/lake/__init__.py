"""The lake: every applied event as rows, to ask questions of. A port (`base`), one file an adapter, `query` to read."""
