-- name: diagnose_journal
-- Tells how the file is written: wal, unless it lies where that is impossible.
PRAGMA journal_mode;

-- name: diagnose_check
-- Reads the whole file and says ok, or what is wrong with it, at most so often.
PRAGMA quick_check(5);

-- name: diagnose_size
-- The size of the file, and how much of it is empty pages, in bytes.
SELECT page_count * page_size, freelist_count * page_size FROM pragma_page_count, pragma_page_size, pragma_freelist_count;

-- name: diagnose_relays
-- Relay addresses that some lease rows name, ?1 at most; a table of millions is
-- not read to its end.
SELECT DISTINCT relay_addr FROM (
  SELECT relay_addr FROM (SELECT relay_addr FROM lease4 WHERE relay_addr IS NOT NULL LIMIT 10000)
  UNION ALL SELECT relay_addr FROM (SELECT relay_addr FROM lease6 WHERE relay_addr IS NOT NULL LIMIT 10000))
 WHERE length(relay_addr) IN (4, 16) ORDER BY relay_addr LIMIT ?1;
