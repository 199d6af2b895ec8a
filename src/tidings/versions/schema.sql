CREATE TABLE IF NOT EXISTS changes (
  id INTEGER PRIMARY KEY,
  version TEXT NOT NULL,
  parent TEXT NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  plan TEXT NOT NULL,
  entering INTEGER NOT NULL,
  state TEXT NOT NULL,
  prepared_offset INTEGER NOT NULL,
  switch_offset INTEGER NOT NULL
);
