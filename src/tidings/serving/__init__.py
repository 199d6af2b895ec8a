"""The serving copy: people, members, runs and events kept for reading, by following the output blocks."""
