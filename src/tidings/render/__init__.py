"""Rendering: a template is compiled once; per person only the merge parts run. Pure."""
