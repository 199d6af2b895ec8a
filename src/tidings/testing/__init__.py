"""The public test kit: journeys under a virtual clock, workspaces' own tests, and crashes as items of the input."""

from tidings.testing.rehearsal import Rehearsal, workspace_tests

__all__ = ["Rehearsal", "workspace_tests"]
