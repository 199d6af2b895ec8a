"""Backtests: history through the production core under a virtual clock, and what journeys would have done with it."""
