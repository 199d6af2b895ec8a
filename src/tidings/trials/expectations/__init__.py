"""What a test may expect: one kind, one file."""
