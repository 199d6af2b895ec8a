"""Journey tests: what happens to made-up people under a virtual clock, and what is expected of it. The format, pure."""
