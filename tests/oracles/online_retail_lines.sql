-- How many lines of the whole file end how: applied, duplicate, or the word of the reason they are refused with.
SELECT verdict, count(*) AS lines FROM verdicts GROUP BY verdict ORDER BY lines DESC, verdict
