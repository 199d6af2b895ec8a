-- The log (log.db, WAL, synchronous=FULL): one row per group commit. Times are microseconds since 1970.
CREATE TABLE IF NOT EXISTS blocks (
  first_offset INTEGER PRIMARY KEY, -- offset of the block's first record; blocks follow each other without gaps
  count INTEGER NOT NULL,           -- how many records it holds, at least 1
  taken_us INTEGER NOT NULL,        -- received_us of all of them; rises from block to block
  format INTEGER NOT NULL,          -- zstd of what log/packed.py calls 1 PLAIN or 2 MIXED
  crc INTEGER NOT NULL,             -- CRC-32 of first_offset, count, taken_us, format (little-endian int64) and block
  block BLOB NOT NULL
)
