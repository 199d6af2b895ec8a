-- Who is in which segment of the template for software at $as_of_us (T), written by hand from the segments' descriptions.
-- Reads `acts`: who did what (event) when (at_us), with the properties as JSON.
-- "Within W" is T - W < t <= T. What takes place exactly when a span is over comes too late.
WITH known AS (SELECT * FROM acts WHERE at_us <= $as_of_us),
signed_up AS (SELECT who, min(at_us) AS at_us FROM known WHERE event = 'Signed Up' GROUP BY who),
used AS (
  SELECT who, at_us, properties->>'$.feature' AS feature, CAST(properties->>'$.actions' AS INTEGER) AS actions
  FROM known WHERE event = 'Feature Used'
),
month AS (
  SELECT
    who, count(*) AS uses, count(DISTINCT feature) AS features,
    count(*) FILTER (at_us > $as_of_us - 7 * 86400000000) AS this_week
  FROM used WHERE at_us > $as_of_us - 30 * 86400000000 GROUP BY who
),
started AS (SELECT who, at_us, properties->>'$.plan' AS plan FROM known WHERE event = 'Subscription Started'),
ended AS (SELECT who, at_us FROM known WHERE event = 'Subscription Cancelled'),
paying AS (
  SELECT DISTINCT who FROM started
  WHERE NOT EXISTS (SELECT 1 FROM ended WHERE ended.who = started.who AND ended.at_us > started.at_us)
),
trials AS (
  SELECT who, max(at_us) AS at_us, epoch_us(CAST(arg_max(properties->>'$.trial_end_date', at_us) AS TIMESTAMP)) AS ends_us
  FROM known WHERE event = 'Trial Started' GROUP BY who
)
SELECT 'new_signups' AS segment, who FROM signed_up WHERE at_us > $as_of_us - 7 * 86400000000
UNION ALL
SELECT DISTINCT 'activated', signed_up.who FROM signed_up
JOIN used ON used.who = signed_up.who AND used.at_us < signed_up.at_us + 3 * 86400000000
JOIN known AS back ON back.who = signed_up.who AND back.at_us < signed_up.at_us + 7 * 86400000000
WHERE back.event = 'Signed In'
UNION ALL
SELECT 'stuck_in_onboarding', who FROM signed_up
WHERE at_us <= $as_of_us - 2 * 86400000000 AND at_us > $as_of_us - 14 * 86400000000
  AND (SELECT count(*) FROM used WHERE used.who = signed_up.who) <= 2
UNION ALL
SELECT 'trial_ending', who FROM trials
WHERE ends_us > $as_of_us AND ends_us <= $as_of_us + 3 * 86400000000
  AND NOT EXISTS (SELECT 1 FROM started WHERE started.who = trials.who AND started.at_us > trials.at_us)
UNION ALL
SELECT DISTINCT 'trial_ended_unpaid', who FROM known
WHERE event = 'Trial Ended' AND at_us > $as_of_us - 30 * 86400000000
  AND NOT EXISTS (SELECT 1 FROM started WHERE started.who = known.who AND started.at_us > known.at_us)
UNION ALL
SELECT 'paying', who FROM paying
UNION ALL
SELECT DISTINCT 'cancelled', who FROM ended
WHERE at_us > $as_of_us - 90 * 86400000000 AND who NOT IN (SELECT who FROM paying)
UNION ALL
-- what was done a week ago counts half
SELECT 'power_users', who FROM month
WHERE features >= 4
  AND (SELECT sum(actions * 0.5 ** (($as_of_us - at_us) / (7 * 86400000000.0))) FROM used WHERE used.who = month.who) >= 10
UNION ALL
SELECT 'churn_risk', who FROM month WHERE uses >= 3 AND 10 * this_week < uses AND who IN (SELECT who FROM paying)
UNION ALL
SELECT 'never_used_reports', who FROM month
WHERE uses >= 5 AND who NOT IN (SELECT who FROM used WHERE feature = 'reports')
UNION ALL
SELECT 'upgrade_candidates', who FROM known
WHERE event = 'Limit Reached' AND at_us > $as_of_us - 30 * 86400000000
  AND coalesce((SELECT arg_max(plan, at_us) FROM started WHERE started.who = known.who), '') <> 'business'
GROUP BY who HAVING count(*) >= 2
UNION ALL
SELECT 'team_inviters', who FROM known
WHERE event = 'Invite Sent' AND at_us > $as_of_us - 30 * 86400000000
GROUP BY who HAVING count(DISTINCT properties->>'$.invitee_email') >= 2
