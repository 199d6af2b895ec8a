"""The keyed logic: what one event or one timer does to one person's state. Pure; a host drives it."""
