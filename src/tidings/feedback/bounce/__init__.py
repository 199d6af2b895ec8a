"""Mail that comes back, read: what it says of which recipient, and which message of ours it is about."""
