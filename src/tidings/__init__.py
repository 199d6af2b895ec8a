"""Tidings: data-driven, real-time personalised e-mail, self-hosted."""

__version__ = "0.1.0"
