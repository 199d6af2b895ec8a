"""Hosts: thin drivers of the core. They own the clock, the processes and the files, and decide nothing."""
