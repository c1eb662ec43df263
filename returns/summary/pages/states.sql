-- Tickets by state, before this batch and after it.
SELECT
  state.state, state.title,
  count(*) FILTER (WHERE lived.state = state.state) AS now,
  count(*) FILTER (WHERE lived.state_before = state.state) AS before
FROM state LEFT JOIN lived ON state.state IN (lived.state, lived.state_before)
GROUP BY state.state, state.title
