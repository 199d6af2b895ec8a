-- Output blocks (outputs.db, WAL). Written by the processor, trimmed by the project role when every follower has taken them.
CREATE TABLE IF NOT EXISTS blocks (
  seq INTEGER PRIMARY KEY,        -- running number, without gaps
  upto_offset INTEGER NOT NULL,   -- all log records below it are processed
  block BLOB NOT NULL             -- zstd-1 of the MessagePack of domain.output.OutputBlock, with checksum
);
-- How far this file survives a power cut: written by a transaction that is itself synced to disk.
CREATE TABLE IF NOT EXISTS durable (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
INSERT OR IGNORE INTO durable VALUES (1, 0);
