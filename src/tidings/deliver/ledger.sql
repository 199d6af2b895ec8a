-- Statements of ledger.py, by name.

-- name: add
-- (not OR IGNORE: that would also skip a row with a missing value, without a word)
INSERT INTO messages (message_id, profile_id, address, journey, journey_version, run_id, step, template, category,
  mode, state, reason, occurred_us, decided_us, queued_us, next_us, finished_us, intent, reported, bulk)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING;

-- name: suppress
INSERT INTO suppressions (address, category, reason, profile_id, known_us) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET reason = excluded.reason, profile_id = excluded.profile_id, known_us = excluded.known_us
WHERE excluded.known_us >= known_us;

-- name: lift
DELETE FROM suppressions WHERE address = ? AND category = ? AND known_us <= ?;

-- name: due_first
SELECT message_id, intent, attempts, template_version, sender_version, items FROM messages
WHERE state = 'queued' AND bulk = 0 AND category = 'transactional' AND next_us <= ? ORDER BY next_us LIMIT ?;

-- name: due
SELECT message_id, intent, attempts, template_version, sender_version, items FROM messages
WHERE state = 'queued' AND bulk = 0 AND next_us <= ? ORDER BY next_us LIMIT ?;

-- name: next_due
SELECT next_us FROM messages WHERE state = 'queued' AND bulk = 0 ORDER BY next_us LIMIT 1;

-- name: note_broadcast
INSERT INTO broadcasts (journey, number, state, cancelled_us) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET number = excluded.number, state = excluded.state,
  cancelled_us = max(cancelled_us, excluded.cancelled_us)
WHERE excluded.number > number;

-- name: broadcasts_going
SELECT journey FROM broadcasts JOIN tallies USING (journey)
WHERE tallies.state = 'queued' AND tallies.n > 0 AND broadcasts.state <> 'held';

-- name: broadcasts_given_up
SELECT journey, cancelled_us FROM broadcasts JOIN tallies USING (journey)
WHERE tallies.state = 'queued' AND tallies.n > 0 AND cancelled_us >= 0;

-- name: due_bulk
SELECT message_id, intent, attempts, template_version, sender_version, items, next_us FROM messages
WHERE state = 'queued' AND bulk = 1 AND journey = ? AND next_us <= ? ORDER BY next_us LIMIT ?;

-- name: next_due_bulk
SELECT next_us FROM messages WHERE state = 'queued' AND bulk = 1 AND journey = ? ORDER BY next_us LIMIT 1;

-- name: broadcast_of
SELECT broadcasts.state, cancelled_us, decided_us FROM messages JOIN broadcasts USING (journey)
WHERE message_id = ? AND bulk = 1;

-- name: drop_cancelled
UPDATE messages SET state = 'suppressed', reason = ?, finished_us = ? WHERE message_id IN (SELECT message_id FROM messages
  WHERE state = 'queued' AND bulk = 1 AND journey = ? AND decided_us <= ? LIMIT ?) RETURNING message_id;

-- name: first_attempt
SELECT min(started_us) FROM attempts WHERE message_id = ?;

-- name: standing
SELECT state, next_us, address, category, attempts FROM messages WHERE message_id = ?;

-- name: suppressed_by
SELECT reason FROM suppressions WHERE address = ? AND (category = '*' OR (category = ? AND category <> 'transactional'))
ORDER BY category = '*' DESC LIMIT 1;

-- name: set_suppressed
UPDATE messages SET state = 'suppressed', reason = ?, finished_us = ? WHERE message_id = ?;

-- name: hold
UPDATE messages SET next_us = ?, reason = ? WHERE message_id = ? AND state = 'queued';

-- name: set_attempting
UPDATE messages SET state = 'attempting', reason = '', attempts = ?, template_version = ?, sender_version = ?, subject = ?, items = ?,
  links = ?, digest = ? WHERE message_id = ?;

-- name: start_attempt
INSERT INTO attempts (message_id, n, started_us) VALUES (?, ?, ?);

-- name: end_attempt
INSERT INTO attempts (message_id, n, started_us, ended_us, reply) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET ended_us = excluded.ended_us, reply = excluded.reply;

-- name: finish
UPDATE messages SET state = ?, reply = ?, reason = ?, attempts = ?, next_us = ?, finished_us = ?, reported = 0
WHERE message_id = ?;

-- name: attempting
SELECT message_id, mode, attempts FROM messages WHERE state = 'attempting';

-- name: unreported
SELECT message_id, profile_id, journey, template, category, state, reason, reply, finished_us, address FROM messages
WHERE reported = 0 AND finished_us IS NOT NULL LIMIT ?;

-- name: mark_reported
UPDATE messages SET reported = 1 WHERE message_id = ? AND state = ?;

-- name: message
SELECT message_id, profile_id, address, journey, journey_version, run_id, step, template, template_version, category, mode,
  state, reason, occurred_us, decided_us, queued_us, next_us, attempts, finished_us, reply, subject, reported,
  sender_version, digest FROM messages WHERE message_id = ?;

-- name: intent
SELECT intent, items FROM messages WHERE message_id = ?;

-- name: links
SELECT links FROM messages WHERE message_id = ?;

-- name: attempts
SELECT n, started_us, ended_us, reply FROM attempts WHERE message_id = ? ORDER BY n;

-- name: recent
SELECT message_id, profile_id, address, journey, journey_version, run_id, step, template, template_version, category, mode,
  state, reason, occurred_us, decided_us, queued_us, next_us, attempts, finished_us, reply, subject, reported,
  sender_version, digest FROM messages
WHERE (decided_us, message_id) < (?, ?) AND /* filters */ 1
ORDER BY decided_us DESC, message_id DESC LIMIT ?;

-- name: of_person
SELECT message_id, profile_id, address, journey, journey_version, run_id, step, template, template_version, category, mode,
  state, reason, occurred_us, decided_us, queued_us, next_us, attempts, finished_us, reply, subject, reported,
  sender_version, digest FROM messages
WHERE profile_id = ? ORDER BY decided_us DESC, message_id DESC LIMIT ?;

-- name: counts
SELECT state, sum(n) FROM tallies WHERE (? = '' OR journey = ?) GROUP BY state HAVING sum(n) > 0;

-- name: queued
SELECT coalesce(sum(n), 0) FROM tallies WHERE state IN ('queued', 'attempting')
AND journey NOT IN (SELECT journey FROM broadcasts);

-- name: queued_bulk
SELECT coalesce(sum(n), 0) FROM tallies WHERE state IN ('queued', 'attempting')
AND journey IN (SELECT journey FROM broadcasts);

-- name: in_quiet
SELECT count(*) FROM messages WHERE state = 'queued' AND reason = 'quiet_hours' AND bulk = ?;

-- name: suppressions
SELECT address, category, reason, profile_id, known_us FROM suppressions WHERE address = ? ORDER BY category;

-- name: keep
INSERT INTO kept (version, body) VALUES (?, ?) ON CONFLICT (version) DO NOTHING;

-- name: kept
SELECT body FROM kept WHERE version = ?;
