"""The web console and the inbox: read-only pages over the serving copy, the ledger, the log and the local mail store."""
