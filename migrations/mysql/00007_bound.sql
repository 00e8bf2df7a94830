-- +goose Up
-- Keeps lease_history to what the parameter history_retention says (seconds, 0
-- for ever, a year where it is not set): whole months go, and what is in
-- p_default row by row, 10,000 at a time. Runs with the rights of the schema's
-- owner: a frontend's user neither reads nor deletes history, and cannot choose
-- what goes. It waits for a lock no longer than a second, because whoever ends a
-- lease waits behind it.
--
-- It returns a row. gone: months and rows that went. stray: p_default has rows,
-- which should have a partition of their own.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_bound_history() SQL SECURITY DEFINER
BEGIN
  DECLARE patience BIGINT DEFAULT @@SESSION.lock_wait_timeout;
  DECLARE keep BIGINT;
  DECLARE cutoff DATETIME(6);
  DECLARE part VARCHAR(64);
  DECLARE gone INT DEFAULT 0;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN
    SET SESSION lock_wait_timeout = patience;
    RESIGNAL;
  END;
  SET SESSION lock_wait_timeout = 1;
  SELECT COALESCE(MAX(CAST(value AS UNSIGNED)), 31536000) INTO keep FROM parameter WHERE scope = 'global' AND name = 'history_retention';
  IF keep > 0 THEN
    SET cutoff = UTC_TIMESTAMP(6) - INTERVAL keep SECOND;
    months: LOOP
      SET part = (SELECT MIN(p.partition_name) FROM information_schema.partitions p
                   WHERE p.table_schema = DATABASE() AND p.table_name = 'lease_history' AND p.partition_name REGEXP '^p[0-9]{6}$'
                     AND STR_TO_DATE(CONCAT(SUBSTRING(p.partition_name, 2), '01'), '%Y%m%d') + INTERVAL 1 MONTH <= cutoff);
      IF part IS NULL THEN
        LEAVE months;
      END IF;
      SET @rowlock_ddl = CONCAT('ALTER TABLE lease_history DROP PARTITION ', part);
      PREPARE ddl FROM @rowlock_ddl;
      EXECUTE ddl;
      DEALLOCATE PREPARE ddl;
      SET gone = gone + 1;
    END LOOP;
    DELETE FROM lease_history PARTITION (p_default) WHERE ended_at < cutoff ORDER BY ended_at LIMIT 10000;
    SET gone = gone + ROW_COUNT();
  END IF;
  SET SESSION lock_wait_timeout = patience;
  SELECT gone, EXISTS (SELECT 1 FROM lease_history PARTITION (p_default)) AS stray;
END
-- +goose StatementEnd

-- +goose Down
DROP PROCEDURE rowlock_bound_history;
