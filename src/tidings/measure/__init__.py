"""Measuring: what came of what was sent, and how two senders differ. Pure: numbers in, numbers and pages out."""
