"""The HTTP door: Segment's API in, events into the log; a 2xx means on disk. Mail readers come back here too."""
