"""The log: the durable ordered record of events. A port (`base`) and its adapters, one a file."""
