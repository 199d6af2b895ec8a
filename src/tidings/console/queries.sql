-- Everything that the console asks of serving.db, ledger.db, calls.db and inbox.db. All parameters are bound; every list has a limit.

-- name: cursor
SELECT seq, upto_offset FROM cursor;

-- name: sources
SELECT source, applied, duplicate, rejected FROM counts ORDER BY applied + duplicate + rejected DESC, source LIMIT 200;

-- name: recent
SELECT r.offset, r.received_us, r.status, r.source, r.name AS event, r.reason, r.profile_id, p.name, p.email, p.user_id
FROM recent r LEFT JOIN people p ON p.profile_id = r.profile_id ORDER BY r.offset DESC LIMIT ?;

-- name: people_count
SELECT count(*) AS n FROM people;

-- name: people
SELECT profile_id, user_id, email, name, known, first_us, last_us, events, segments FROM people
WHERE last_us <= :last_us AND NOT (last_us = :last_us AND profile_id <= :profile_id)
ORDER BY last_us DESC, profile_id LIMIT :limit;

-- name: person
SELECT profile_id, user_id, email, name, known, first_us, last_us, events, traits, computed, segments, consents, known_us
FROM people WHERE profile_id = ?;

-- name: survivor
SELECT survivor FROM merges WHERE absorbed = ?;

-- name: identifier_kinds
WITH RECURSIVE kinds (kind) AS (
  SELECT min(kind) FROM identifiers
  UNION ALL SELECT (SELECT min(kind) FROM identifiers WHERE kind > kinds.kind) FROM kinds WHERE kinds.kind IS NOT NULL
) SELECT kind FROM kinds WHERE kind IS NOT NULL LIMIT 20;

-- name: by_identifier
SELECT profile_id FROM identifiers WHERE kind = ? AND value >= ? AND value < ? LIMIT ?;

-- name: by_email
SELECT profile_id FROM people WHERE email >= ? AND email < ? LIMIT ?;

-- name: by_name
SELECT profile_id FROM (SELECT profile_id, name, email FROM people ORDER BY last_us DESC LIMIT 50000)
WHERE name LIKE ?1 ESCAPE '\' OR email LIKE ?1 ESCAPE '\' LIMIT ?2;

-- name: identifiers
SELECT kind, value FROM identifiers WHERE profile_id = ? ORDER BY kind, value LIMIT 200;

-- name: merges
SELECT absorbed, occurred_us, known_us, cause FROM merges WHERE survivor = ? ORDER BY known_us DESC LIMIT 50;

-- name: timeline
SELECT occurred_us, offset, received_us, source, kind, name, event_id, summary FROM timeline
WHERE profile_id = :profile_id AND (occurred_us, offset) < (:occurred_us, :offset)
ORDER BY occurred_us DESC, offset DESC LIMIT :limit;

-- name: timeline_named
SELECT occurred_us, offset, name, summary FROM (
  SELECT occurred_us, offset, name, summary FROM timeline WHERE profile_id = ?1 ORDER BY occurred_us DESC LIMIT 5000)
WHERE name IN (SELECT value FROM json_each(?2)) LIMIT ?3;

-- name: timeline_event
SELECT offset FROM (
  SELECT offset, event_id FROM timeline WHERE profile_id = ?1 ORDER BY occurred_us DESC LIMIT 20000)
WHERE event_id = ?2 LIMIT 1;

-- name: person_runs
SELECT run_id, journey, version, step, state, outcome, started_us, known_us, updated_us FROM runs
WHERE profile_id = ? AND state <> 'lane' ORDER BY updated_us DESC LIMIT 30;

-- name: runs_of
SELECT run_id, journey, version, step, state, outcome, started_us, known_us, updated_us, cause, ended_by FROM runs
WHERE profile_id = :profile_id AND state <> 'lane' AND known_us <= :known_us ORDER BY known_us DESC, run_id LIMIT :limit;

-- name: came
-- (names: a JSON list)
SELECT offset FROM (SELECT offset, name, received_us FROM timeline WHERE profile_id = :profile_id ORDER BY occurred_us DESC LIMIT 20000)
WHERE name IN (SELECT value FROM json_each(:names)) AND received_us <= :known_us ORDER BY offset DESC LIMIT :limit;

-- name: came_count
SELECT count(*) AS n FROM (
  SELECT name, received_us FROM timeline WHERE profile_id = :profile_id ORDER BY occurred_us DESC LIMIT 20000)
WHERE name IN (SELECT value FROM json_each(:names)) AND received_us <= :known_us;

-- name: turned
-- (joined: the profile that was joined to hers was in it too, so that nothing turned)
SELECT entered, occurred_us, known_us, cause, EXISTS (
    SELECT 1 FROM member_changes other WHERE other.profile_id = c.profile_id AND other.segment = c.segment
      AND other.cause = c.cause AND other.entered <> c.entered) AS joined
FROM member_changes c WHERE profile_id = :profile_id AND segment = :segment AND known_us <= :known_us
ORDER BY id DESC LIMIT :limit;

-- name: decided_for
SELECT * FROM messages WHERE profile_id = :profile_id AND journey = :journey AND decided_us <= :known_us
ORDER BY decided_us DESC, message_id DESC LIMIT :limit;

-- name: run_steps
SELECT n, step, outcome, occurred_us, known_us, cause FROM run_steps WHERE run_id = ? ORDER BY n LIMIT 80;

-- name: segment_counts
SELECT segment, members FROM segment_counts;

-- name: segment_members
SELECT m.profile_id, m.entered_us, m.known_us, p.name, p.email, p.user_id, p.last_us, p.events
FROM members m LEFT JOIN people p ON p.profile_id = m.profile_id
WHERE m.segment = :segment AND m.profile_id > :after ORDER BY m.profile_id LIMIT :limit;

-- name: changes
SELECT c.id, c.segment, c.profile_id, c.entered, c.occurred_us, c.known_us, c.cause, p.name, p.email, p.user_id
FROM member_changes c LEFT JOIN people p ON p.profile_id = c.profile_id ORDER BY c.id DESC LIMIT ?;

-- name: changes_of
SELECT c.id, c.segment, c.profile_id, c.entered, c.occurred_us, c.known_us, c.cause, p.name, p.email, p.user_id
FROM (SELECT * FROM member_changes WHERE id > (SELECT max(id) FROM member_changes) - 200000 AND segment = ?
      ORDER BY id DESC LIMIT ?) c
LEFT JOIN people p ON p.profile_id = c.profile_id ORDER BY c.id DESC;

-- name: change_instants
SELECT segment, occurred_us, entered FROM member_changes
WHERE id > (SELECT max(id) FROM member_changes) - 100000;

-- name: run_counts
SELECT journey, state, step, count(*) AS n FROM runs GROUP BY journey, state, step LIMIT 2000;

-- name: run_outcomes
SELECT outcome, count(*) AS n FROM (SELECT outcome FROM runs WHERE journey = ? AND state = 'ended' LIMIT 500000)
GROUP BY outcome ORDER BY n DESC LIMIT 30;

-- name: run_endings
SELECT how, n FROM endings WHERE journey = ? LIMIT 20;

-- name: journey_runs
SELECT r.run_id, r.profile_id, r.step, r.state, r.outcome, r.version, r.started_us, r.updated_us, p.name, p.email, p.user_id
FROM (SELECT * FROM runs WHERE journey = ? AND state <> 'lane' LIMIT 500000) r LEFT JOIN people p ON p.profile_id = r.profile_id
ORDER BY r.updated_us DESC LIMIT ?;

-- name: rejected_groups
SELECT source, reason, count(*) AS n, max(offset) AS latest FROM rejected GROUP BY source, reason ORDER BY n DESC LIMIT 500;

-- name: rejected_of
SELECT offset, received_us, source, reason, detail, body FROM rejected
WHERE source = :source AND reason = :reason AND offset < :before ORDER BY offset DESC LIMIT :limit;

-- name: rejected_one
SELECT offset, received_us, source, reason, detail, body FROM rejected WHERE offset = ?;

-- name: held_out
SELECT count(*) AS n FROM (SELECT 1 FROM messages WHERE journey = ? AND reason = 'holdout' LIMIT 500000);

-- name: sent_by_step
SELECT step, count(*) AS n FROM (SELECT step FROM messages WHERE journey = ? AND state = 'accepted' LIMIT 500000) GROUP BY step;

-- name: states
SELECT journey, state, n FROM tallies WHERE n > 0 LIMIT 2000;

-- name: messages
SELECT message_id, profile_id, address, journey, step, template, category, state, reason, decided_us, finished_us, attempts,
  subject FROM messages WHERE (decided_us, message_id) < (:decided_us, :message_id)
ORDER BY decided_us DESC, message_id DESC LIMIT :limit;

-- name: messages_in_state
SELECT message_id, profile_id, address, journey, step, template, category, state, reason, decided_us, finished_us, attempts,
  subject FROM messages WHERE state = :state AND (decided_us, message_id) < (:decided_us, :message_id)
ORDER BY decided_us DESC, message_id DESC LIMIT :limit;

-- name: messages_of_person
SELECT message_id, profile_id, address, journey, step, template, category, state, reason, decided_us, finished_us, attempts,
  subject FROM messages WHERE profile_id = ? ORDER BY decided_us DESC, message_id DESC LIMIT ?;

-- name: message
SELECT * FROM messages WHERE message_id = ?;

-- name: attempts
SELECT n, started_us, ended_us, reply FROM attempts WHERE message_id = ? ORDER BY n LIMIT 50;

-- name: suppressions
SELECT category, reason, known_us FROM suppressions WHERE address = ? LIMIT 20;

-- name: kept
SELECT body FROM kept WHERE version = ?;

-- name: mails
SELECT id, received_us, sender, recipients, subject, message_id, length(raw) AS size_bytes FROM mails
WHERE id < :before ORDER BY id DESC LIMIT :limit;

-- name: mail
SELECT id, received_us, sender, recipients, subject, message_id, raw FROM mails WHERE id = ?;

-- name: mail_count
-- (ids are consecutive; counting rows would read every page)
SELECT coalesce((SELECT max(id) FROM mails) - (SELECT min(id) FROM mails) + 1, 0) AS n;

-- name: mail_by_message_id
SELECT id FROM (SELECT id, message_id FROM mails ORDER BY id DESC LIMIT 20000) WHERE message_id LIKE ? LIMIT 1;

-- name: webhooks
SELECT hook, ok, failed, in_a_row, error, at_us FROM hooks ORDER BY in_a_row > 0 DESC, hook LIMIT 50;

-- name: calls_queued
SELECT count(*) AS n FROM (SELECT 1 FROM asks WHERE result = '' AND hook > '' AND hook = ? LIMIT 1000);
