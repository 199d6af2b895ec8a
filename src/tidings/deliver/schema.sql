-- The send ledger (ledger.db, WAL, synchronous=FULL): one row per decision, unique by message id (law 6).
-- The processor inserts (a replay makes the same ids, which change nothing), the deliver role moves states. Times are microseconds.
CREATE TABLE IF NOT EXISTS messages (
  message_id TEXT PRIMARY KEY, profile_id TEXT NOT NULL, address TEXT NOT NULL, journey TEXT NOT NULL,
  journey_version TEXT NOT NULL, run_id TEXT NOT NULL, step TEXT NOT NULL, template TEXT NOT NULL,
  template_version TEXT NOT NULL DEFAULT '',      -- set when rendered; its source is in `kept`
  category TEXT NOT NULL, mode TEXT NOT NULL,
  state TEXT NOT NULL,                            -- domain/message.py DeliveryState
  reason TEXT NOT NULL DEFAULT '',                -- of suppressed, refused, in_doubt
  occurred_us INTEGER NOT NULL, decided_us INTEGER NOT NULL, queued_us INTEGER NOT NULL,
  next_us INTEGER NOT NULL,                       -- earliest instant of the next attempt
  attempts INTEGER NOT NULL DEFAULT 0, finished_us INTEGER, reply TEXT NOT NULL DEFAULT '',
  subject TEXT NOT NULL DEFAULT '',               -- as rendered
  intent BLOB NOT NULL,                           -- zstd JSON of the SendIntent: values and why
  items TEXT NOT NULL DEFAULT '[]',               -- JSON: recommended items frozen at first rendering, each with its reason
  links TEXT NOT NULL DEFAULT '[]',               -- JSON: destination of each tracked link, by index
  reported INTEGER NOT NULL DEFAULT 0,            -- 1 when the delivery event is in the log
  sender_version TEXT NOT NULL DEFAULT '',        -- set when rendered: sender identity, shop and addresses, in `kept`
  digest TEXT NOT NULL DEFAULT '',                -- of the bytes handed over: rendering again gives the same (law 8)
  bulk INTEGER NOT NULL DEFAULT 0                 -- 1 for a broadcast's: all others go first
);
DROP INDEX IF EXISTS messages_due;
DROP INDEX IF EXISTS messages_due_first;
CREATE INDEX IF NOT EXISTS messages_next ON messages (next_us) WHERE state = 'queued' AND bulk = 0;
CREATE INDEX IF NOT EXISTS messages_next_first ON messages (next_us)
  WHERE state = 'queued' AND bulk = 0 AND category = 'transactional';
CREATE INDEX IF NOT EXISTS messages_next_bulk ON messages (journey, next_us) WHERE state = 'queued' AND bulk = 1;
CREATE INDEX IF NOT EXISTS messages_quiet ON messages (bulk) WHERE state = 'queued' AND reason = 'quiet_hours';
CREATE INDEX IF NOT EXISTS messages_attempting ON messages (message_id) WHERE state = 'attempting';
CREATE INDEX IF NOT EXISTS messages_unreported ON messages (message_id) WHERE reported = 0 AND finished_us IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_person ON messages (profile_id);
CREATE INDEX IF NOT EXISTS messages_ghosts ON messages (journey) WHERE reason = 'holdout';
CREATE INDEX IF NOT EXISTS messages_accepted ON messages (journey, step) WHERE state = 'accepted';
CREATE INDEX IF NOT EXISTS messages_decided ON messages (decided_us DESC, message_id DESC);
CREATE INDEX IF NOT EXISTS messages_state ON messages (state, decided_us DESC, message_id DESC);
-- One row before each final dot, its end after the answer.
CREATE TABLE IF NOT EXISTS attempts (message_id TEXT, n INTEGER, started_us INTEGER NOT NULL, ended_us INTEGER, reply TEXT,
  PRIMARY KEY (message_id, n)) WITHOUT ROWID;
-- Checked in the same transaction that writes the attempt row (law 7).
CREATE TABLE IF NOT EXISTS suppressions (address TEXT, category TEXT, reason TEXT NOT NULL, profile_id TEXT NOT NULL,
  known_us INTEGER NOT NULL, PRIMARY KEY (address, category)) WITHOUT ROWID;
-- How broadcasts stand: ``open``, ``held`` or ``cancelled`` as of a record to everybody (its number); what was decided on up to
-- `cancelled_us` never goes.
CREATE TABLE IF NOT EXISTS broadcasts (journey TEXT PRIMARY KEY, number INTEGER NOT NULL, state TEXT NOT NULL,
  cancelled_us INTEGER NOT NULL) WITHOUT ROWID;
-- What a message was rendered from, by version (content hash), so that it can be rendered again.
CREATE TABLE IF NOT EXISTS kept (version TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
-- How many messages are in each state, kept by the triggers, so that counting never scans.
CREATE TABLE IF NOT EXISTS tallies (journey TEXT, state TEXT, n INTEGER NOT NULL, PRIMARY KEY (journey, state)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS tally_added AFTER INSERT ON messages BEGIN
  INSERT INTO tallies VALUES (new.journey, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS tally_moved AFTER UPDATE OF state ON messages WHEN old.state <> new.state BEGIN
  UPDATE tallies SET n = n - 1 WHERE journey = old.journey AND state = old.state;
  INSERT INTO tallies VALUES (new.journey, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS tally_removed AFTER DELETE ON messages BEGIN
  UPDATE tallies SET n = n - 1 WHERE journey = old.journey AND state = old.state;
END;
