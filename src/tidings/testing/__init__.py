"""The public test kit: clocks, builders, and crashes as items of the input."""
