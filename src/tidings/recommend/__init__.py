"""Recommendations: candidates from what was bought together, reranking by rules; no I/O in the ranking itself."""
