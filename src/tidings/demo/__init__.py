"""The demonstration: a small shop whose visitors' clicks become events, and mails."""
