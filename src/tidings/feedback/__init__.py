"""Feedback: opens, clicks, unsubscribes and refusals, on their way back into the log."""
