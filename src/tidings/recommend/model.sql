-- The model (models/recommend.db): written whole by training, swapped in by renaming, read-only from then on.
CREATE TABLE items (
  item_id TEXT PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL, url TEXT NOT NULL, image TEXT NOT NULL, -- '' and 0: unknown
  orders INTEGER NOT NULL,   -- baskets it was in
  recent INTEGER NOT NULL    -- of these, in the days before the newest basket
) WITHOUT ROWID;
CREATE INDEX items_popular ON items (recent DESC, orders DESC, item_id);
CREATE TABLE neighbours (
  item_id TEXT, rank INTEGER, other_id TEXT NOT NULL,
  together INTEGER NOT NULL, -- baskets with both
  score REAL NOT NULL, PRIMARY KEY (item_id, rank)
) WITHOUT ROWID;
CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID; -- trained_us, events, baskets, …
