-- Ticket counts of this batch: before + new + reopened - closed - gone = now.
SELECT
  count(*) FILTER (WHERE was_unfinished) AS before,
  count(*) FILTER (WHERE is_new AND is_unfinished) AS new,
  count(*) FILTER (WHERE NOT is_new AND NOT was_unfinished AND is_unfinished) AS reopened,
  count(*) FILTER (WHERE was_unfinished AND state = 'closed') AS closed,
  count(*) FILTER (WHERE was_unfinished AND state = 'gone') AS gone,
  count(*) FILTER (WHERE is_unfinished) AS now
FROM lived
