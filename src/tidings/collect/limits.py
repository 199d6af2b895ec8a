"""Bounds of the HTTP door that are not configuration. Bytes and counts."""

MAX_HEAD_BYTES = 16 * 1024
"""Request line and headers."""
MAX_HEADERS = 100
"""Header lines of one request."""
MAX_BATCH_BYTES = 500 * 1024
"""One request's events, decompressed (Segment's limit)."""
MAX_BODY_BYTES = 1024 * 1024
"""Any public request body, as sent and while it is decompressed."""
MAX_INTERNAL_BYTES = 4 * 1024 * 1024
"""A body at the internal door."""
MAX_OVERHEAD_BYTES = 512 * 1024
"""What a request may take besides its body: head, chunk sizes, trailers."""
MAX_PIPELINED = 64
"""Unanswered requests of one connection; then it is not read further."""
MAX_UNREAD_BYTES = 1024 * 1024
"""Answers that one client has asked for and not read; then it is cut off."""
LINGER_S = 2.0
"""How long a refused sender may go on talking before it is cut off, so that it can read the refusal."""
