"""Benchmarks: each prints its figure beside a baseline or a limit measured in the same run."""
