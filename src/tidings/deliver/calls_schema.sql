-- What journeys want done outside (calls.db, WAL, synchronous=FULL): events of our own for the log, and webhooks to call.
-- The processor inserts (a replay makes the same ids, which change nothing), the deliver role moves. Times are microseconds.
CREATE TABLE IF NOT EXISTS asks (
  n INTEGER PRIMARY KEY,                          -- in the order in which they were wanted
  id TEXT NOT NULL UNIQUE, hook TEXT NOT NULL,    -- empty for an event
  profile_id TEXT NOT NULL, journey TEXT NOT NULL, step TEXT NOT NULL,
  known_us INTEGER NOT NULL, until_us INTEGER NOT NULL,   -- no try begins later
  next_us INTEGER NOT NULL,                       -- earliest instant of the next try
  attempts INTEGER NOT NULL DEFAULT 0, finished_us INTEGER,
  result TEXT NOT NULL DEFAULT '',                -- empty while it is queued
  status INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',    -- of the last try
  intent BLOB NOT NULL,                           -- JSON of the CallIntent; empty for an event. This and the next are
  event BLOB NOT NULL DEFAULT '',                 -- emptied once the log has it: JSON of the call that goes into the log
  reported INTEGER NOT NULL DEFAULT 0             -- 1 when the event is in the log
);
CREATE INDEX IF NOT EXISTS asks_due ON asks (hook, next_us) WHERE result = '';
CREATE INDEX IF NOT EXISTS asks_until ON asks (hook, until_us) WHERE result = '' AND until_us > 0;
CREATE INDEX IF NOT EXISTS asks_unreported ON asks (n) WHERE reported = 0 AND result <> '';
CREATE INDEX IF NOT EXISTS asks_person ON asks (profile_id);
-- How each webhook does, so that nobody has to count.
CREATE TABLE IF NOT EXISTS hooks (hook TEXT PRIMARY KEY, ok INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
  in_a_row INTEGER NOT NULL DEFAULT 0,            -- tries that went wrong since the last that went well
  error TEXT NOT NULL DEFAULT '', at_us INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
