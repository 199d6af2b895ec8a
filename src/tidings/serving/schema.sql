-- The serving copy (serving.db, WAL). Written only by the projector, which commits `cursor.seq` in the same
-- transaction as the rows of that output block, so a block is never missed or taken twice. Times are microseconds.
CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, upto_offset INTEGER NOT NULL);
INSERT OR IGNORE INTO cursor VALUES (1, 0, 0);
-- Exactly one outcome per log record: applied + duplicate + rejected = upto_offset (law 5).
CREATE TABLE IF NOT EXISTS counts (source TEXT PRIMARY KEY, applied INTEGER NOT NULL DEFAULT 0,
  duplicate INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS people (
  profile_id TEXT PRIMARY KEY, user_id TEXT, email TEXT, name TEXT, known INTEGER NOT NULL, -- known: has a user_id
  first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, events INTEGER NOT NULL,
  traits TEXT NOT NULL,      -- JSON: given traits {name: value}
  computed TEXT NOT NULL,    -- JSON: computed traits {name: value}, as of known_us
  segments TEXT NOT NULL,    -- JSON: {segment: entered_us}
  consents TEXT NOT NULL,    -- JSON: {purpose: {granted, occurred_us, event_id, method}}
  known_us INTEGER NOT NULL  -- as of when
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_last ON people (last_us DESC);
CREATE INDEX IF NOT EXISTS people_email ON people (email) WHERE email IS NOT NULL;
CREATE TABLE IF NOT EXISTS identifiers (kind TEXT, value TEXT, profile_id TEXT NOT NULL, PRIMARY KEY (kind, value)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identifiers_person ON identifiers (profile_id);
-- Who was absorbed by whom, as it happened; a survivor may be absorbed later (then it has a row of its own).
CREATE TABLE IF NOT EXISTS merges (absorbed TEXT PRIMARY KEY, survivor TEXT NOT NULL, occurred_us INTEGER NOT NULL,
  known_us INTEGER NOT NULL, cause TEXT NOT NULL) WITHOUT ROWID;
-- A person's events, newest first by (profile_id, occurred_us); the body is in the log at `offset`.
CREATE TABLE IF NOT EXISTS timeline (profile_id TEXT, occurred_us INTEGER, offset INTEGER, received_us INTEGER NOT NULL,
  source TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, event_id TEXT NOT NULL, summary TEXT NOT NULL, -- JSON: a few properties
  PRIMARY KEY (profile_id, occurred_us, offset)) WITHOUT ROWID;
-- The newest few hundred records of any outcome, for the live page.
CREATE TABLE IF NOT EXISTS recent (offset INTEGER PRIMARY KEY, received_us INTEGER, status INTEGER, source TEXT, name TEXT,
  profile_id TEXT, reason TEXT);
-- The dead-letter store: rejected events with reason and original bytes.
CREATE TABLE IF NOT EXISTS rejected (offset INTEGER PRIMARY KEY, received_us INTEGER NOT NULL, source TEXT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS rejected_reason ON rejected (source, reason);
CREATE TABLE IF NOT EXISTS members (segment TEXT, profile_id TEXT, entered_us INTEGER NOT NULL, known_us INTEGER NOT NULL,
  PRIMARY KEY (segment, profile_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_person ON members (profile_id);
CREATE TABLE IF NOT EXISTS member_changes (id INTEGER PRIMARY KEY, segment TEXT NOT NULL, profile_id TEXT NOT NULL,
  entered INTEGER NOT NULL, occurred_us INTEGER NOT NULL, known_us INTEGER NOT NULL, cause TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS member_changes_person ON member_changes (profile_id);
-- Always the number of rows in `members`: the triggers see to it.
CREATE TABLE IF NOT EXISTS segment_counts (segment TEXT PRIMARY KEY, members INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS members_plus AFTER INSERT ON members BEGIN
  INSERT INTO segment_counts VALUES (NEW.segment, 1) ON CONFLICT (segment) DO UPDATE SET members = members + 1;
END;
CREATE TRIGGER IF NOT EXISTS members_minus AFTER DELETE ON members BEGIN
  UPDATE segment_counts SET members = members - 1 WHERE segment = OLD.segment;
END;
CREATE TABLE IF NOT EXISTS runs (run_id TEXT PRIMARY KEY, journey TEXT NOT NULL, version TEXT NOT NULL, profile_id TEXT NOT NULL,
  step TEXT NOT NULL, state TEXT NOT NULL,  -- active | ended | lane
  outcome TEXT NOT NULL, started_us INTEGER NOT NULL, known_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,
  cause TEXT NOT NULL DEFAULT '',     -- what started it: event:<offset>, timer:…
  ended_by TEXT NOT NULL DEFAULT ''   -- what ended it, likewise; see db.py for copies that were made before these two
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_person ON runs (profile_id);
CREATE INDEX IF NOT EXISTS runs_journey ON runs (journey, state, step);
CREATE TABLE IF NOT EXISTS run_steps (run_id TEXT, n INTEGER, step TEXT NOT NULL, outcome TEXT NOT NULL, occurred_us INTEGER NOT NULL,
  known_us INTEGER NOT NULL, cause TEXT NOT NULL, PRIMARY KEY (run_id, n)) WITHOUT ROWID;
-- How runs ended, counted: finished | goal | exit | merged | taken_back | gone | circle.
CREATE TABLE IF NOT EXISTS endings (journey TEXT, how TEXT, n INTEGER NOT NULL, PRIMARY KEY (journey, how)) WITHOUT ROWID;
-- Which lake files exist (path below lake/), written in the same transaction as the block number that they reach to.
CREATE TABLE IF NOT EXISTS lake_files (path TEXT PRIMARY KEY, day TEXT NOT NULL, rows INTEGER NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lake_cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, upto_offset INTEGER NOT NULL);
INSERT OR IGNORE INTO lake_cursor VALUES (1, 0, 0);
-- Counts the commits that waited for the disk: all transactions before one of them survive a power cut.
CREATE TABLE IF NOT EXISTS synced (one INTEGER PRIMARY KEY CHECK (one = 1), times INTEGER NOT NULL);
INSERT OR IGNORE INTO synced VALUES (1, 0);
