-- Statements of calls.py, by name.

-- name: add_event
INSERT INTO asks (id, hook, profile_id, journey, step, known_us, until_us, next_us, finished_us, result, intent, event)
VALUES (?, '', ?, ?, ?, ?, 0, 0, ?, 'done', '', ?) ON CONFLICT (id) DO NOTHING;

-- name: add_call
INSERT INTO asks (id, hook, profile_id, journey, step, known_us, until_us, next_us, intent)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING;

-- name: next_hook
SELECT hook FROM asks WHERE result = '' AND hook > ? ORDER BY hook LIMIT 1;

-- name: due
SELECT intent, attempts FROM asks WHERE result = '' AND hook = ? AND next_us <= ?
  AND (until_us = 0 OR until_us > ?) ORDER BY next_us LIMIT ?;

-- name: expired
SELECT intent, attempts FROM asks WHERE result = '' AND hook = ? AND until_us > 0 AND until_us <= ? ORDER BY until_us LIMIT ?;

-- name: next_due
SELECT next_us FROM asks WHERE result = '' AND hook = ? AND next_us > ? ORDER BY next_us LIMIT 1;

-- name: begin
UPDATE asks SET attempts = attempts + 1 WHERE id = ? AND result = '';

-- name: again
UPDATE asks SET next_us = ?, status = ?, error = ? WHERE id = ? AND result = '';

-- name: finish
UPDATE asks SET result = ?, status = ?, error = ?, finished_us = ?, event = ? WHERE id = ? AND result = '';

-- name: went_well
INSERT INTO hooks (hook, ok, at_us) VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET ok = ok + 1, in_a_row = 0, error = '',
  at_us = excluded.at_us;

-- name: went_wrong
INSERT INTO hooks (hook, failed, in_a_row, error, at_us) VALUES (?, ?, 1, ?, ?)
ON CONFLICT DO UPDATE SET failed = failed + excluded.failed, in_a_row = in_a_row + 1, error = excluded.error, at_us = excluded.at_us;

-- name: unreported
SELECT id, event FROM asks WHERE reported = 0 AND result <> '' ORDER BY n LIMIT ?;

-- name: mark_reported
UPDATE asks SET reported = 1, event = '', intent = '' WHERE id = ?;

-- name: queued
SELECT hook, count(*) FROM asks WHERE result = '' GROUP BY hook;

-- name: hooks
SELECT hook, ok, failed, in_a_row, error, at_us FROM hooks ORDER BY hook;

-- name: call
SELECT id, hook, journey, step, known_us, until_us, next_us, attempts, finished_us, result, status, error, reported
FROM asks WHERE id = ?;
