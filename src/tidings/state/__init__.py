"""State: one person's state per key, the identity index, the dedup window, wake-ups and the log offset. A port, one file each."""
