"""The store of output blocks: what processing put out, waiting for its followers. A port (`base`), one file an adapter."""
