"""The nouns: what the rest of Tidings talks about. Pure; imports nothing above it."""
