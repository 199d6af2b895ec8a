"""Delivery: the send ledger, the outbox's worker, and the adapters that hand messages over. A port, one file each."""
