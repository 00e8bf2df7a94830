-- +goose Up
-- Keeps lease_history to what the parameter history_retention says (seconds, 0
-- for ever, a year where it is not set): whole months go, and what is in the
-- default partition row by row, 10,000 at a time. Runs with the rights of the
-- schema's owner: a frontend's role neither reads nor deletes history, and
-- cannot choose what goes. It waits for a lock no longer than half a second,
-- because whoever ends a lease waits behind it.
--
-- gone: months and rows that went. stray: the default partition has rows of
-- this month or a later one, which should have a partition of their own.
-- +goose StatementBegin
CREATE FUNCTION rowlock_bound_history(OUT gone integer, OUT stray boolean) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  keep   bigint;
  cutoff timestamptz;
  part   name;
  n      integer;
BEGIN
  gone := 0;
  stray := EXISTS (SELECT 1 FROM lease_history_default WHERE ended_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC');
  SELECT coalesce(max(value::bigint), 31536000) INTO keep FROM parameter WHERE scope = 'global' AND name = 'history_retention';
  IF keep = 0 THEN
    RETURN;
  END IF;
  cutoff := now() - keep * interval '1 second';
  FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = to_regclass('lease_history') AND c.relname ~ '^lease_history_[0-9]{6}$' ORDER BY 1 LOOP
    IF (to_date(right(part, 6), 'YYYYMM') + interval '1 month') AT TIME ZONE 'UTC' <= cutoff THEN
      EXECUTE format('DROP TABLE %I', part);
      gone := gone + 1;
    END IF;
  END LOOP;
  DELETE FROM lease_history_default d WHERE d.ctid = ANY (ARRAY(
    SELECT x.ctid FROM lease_history_default x WHERE x.ended_at < cutoff ORDER BY x.ended_at LIMIT 10000));
  GET DIAGNOSTICS n = ROW_COUNT;
  gone := gone + n;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION rowlock_bound_history() SET search_path = %I, pg_temp', current_schema());
END $$;
-- +goose StatementEnd
ALTER FUNCTION rowlock_bound_history() SET lock_timeout = '500ms';
REVOKE EXECUTE ON FUNCTION rowlock_bound_history() FROM PUBLIC;

-- +goose Down
DROP FUNCTION rowlock_bound_history();
