-- Names in DNS. Whoever waits for rows of dns_name locks them in order of name,
-- so that nobody waits in a circle. A claim is live while holder is set and
-- due_at is ahead; one that ran out makes the name due like any other.
-- After ON DUPLICATE KEY UPDATE each assignment sees those before it: what reads
-- a column comes before what changes it. No expression of an UPDATE reads a
-- column that another one changes: their order is the server's.

-- name: name_of_addr
-- The names that some addresses may have, by vrf and address.
SELECT DISTINCT a.name
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         vrf  INT         PATH '$[0]' ERROR ON ERROR,
         addr VARCHAR(40) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR)) k
  STRAIGHT_JOIN dns_name_addr a FORCE INDEX (dns_name_addr_addr) ON a.vrf = k.vrf AND a.addr = UNHEX(k.addr);

-- name: name_mark
-- Marks names, which are unique and sorted: the version rises, and the name is
-- due now unless it was so before, or when its claim ends.
INSERT INTO dns_name (name, zone, marked_at, due_at, changed_at)
SELECT k.name, COALESCE(k.zone, ''), $now, $now, $now FROM $zones
ON DUPLICATE KEY UPDATE $marked, dns_name.zone = IF(VALUES(zone) = '', dns_name.zone, VALUES(zone));

-- name: name_retry
-- Marks a name that is there, and makes none.
UPDATE dns_name SET $marked WHERE name = ?;

-- name: name_mark_addr
-- Adds addresses that may have names whose rows are locked.
INSERT INTO dns_name_addr (name, vrf, addr)
SELECT k.name, k.vrf, UNHEX(k.addr) FROM $addrs
ON DUPLICATE KEY UPDATE vrf = dns_name_addr.vrf;

-- name: name_due
-- Locks names that are due, longest due first, whose zone is not in a list.
-- Those that somebody else is claiming or marking at this moment are passed
-- over.
SELECT d.name, d.due_at FROM dns_name d FORCE INDEX (dns_name_due)
 WHERE d.due_at <= $now AND NOT JSON_CONTAINS(?, JSON_QUOTE(d.zone)) ORDER BY d.due_at LIMIT ? FOR UPDATE SKIP LOCKED;

-- name: name_claim
-- Claims locked names. Arguments: the names, the holder, how long.
UPDATE $names
  STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name
   SET d.holder = ?, d.claim = d.claim + 1, d.due_at = $now + INTERVAL ? MICROSECOND;

-- name: name_claimed
-- The rows of claimed names, in the order of the names.
SELECT $row FROM $names STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name;

-- name: name_holders
-- The addresses that names may have, the live leases there, and what is
-- published at the name of each lease.
SELECT k.name, a.vrf, a.addr, x.rev, y.rev, COALESCE(x.subnet_id, y.subnet_id), COALESCE(x.hostname, y.hostname),
       COALESCE(x.fqdn_flags, y.fqdn_flags), COALESCE(x.valid_lft, y.valid_lft), COALESCE(x.since, y.since),
       IF(x.rev IS NULL, y.duid, x.client_id), IF(x.rev IS NULL, y.hwaddr, x.hwaddr), COALESCE(x.hwtype, y.hwtype), f.published
  FROM $names
  STRAIGHT_JOIN dns_name_addr a FORCE INDEX (PRIMARY) ON a.name = k.name
  LEFT JOIN lease4 x FORCE INDEX (lease4_addr) ON x.vrf = a.vrf AND x.addr = a.addr AND x.state = 2 AND x.expires_at > UTC_TIMESTAMP(6)
  LEFT JOIN lease6 y FORCE INDEX (lease6_addr) ON y.vrf = a.vrf AND y.addr = a.addr AND y.prefix_len = 128 AND y.state = 2
       AND y.expires_at > UTC_TIMESTAMP(6)
  LEFT JOIN dns_name f FORCE INDEX (PRIMARY) ON f.name = COALESCE(x.hostname, y.hostname);

-- name: name_lock
-- Locks the rows of names that are there, in the order of the names.
SELECT d.name, d.version, d.claim, d.holder, d.attempted
  FROM $names STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name
   FOR UPDATE OF d; --mysql
   FOR UPDATE; --mariadb

-- name: name_make
-- Locks the rows of names, which are unique and sorted, and makes those that
-- are missing.
INSERT INTO dns_name (name, zone, marked_at, due_at, changed_at)
SELECT k.name, COALESCE(k.zone, ''), $now, $now, $now FROM $zones
ON DUPLICATE KEY UPDATE dns_name.zone = dns_name.zone;

-- name: name_attempt
-- Records what is about to be sent for locked names, and extends their claims.
UPDATE $records
  STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name
   SET d.attempted = COALESCE(k.attempted, ''), d.due_at = $now + INTERVAL ? MICROSECOND, d.changed_at = $now;

-- name: name_finish
-- Ends the claims of locked names. One that was marked since is due at once,
-- and waits from now on if what was wanted before is settled.
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
         name      VARCHAR(300)  PATH '$[0]' ERROR ON ERROR,
         version   BIGINT        PATH '$[1]' ERROR ON ERROR,
         state     INT           PATH '$[2]' ERROR ON ERROR,
         retry     BIGINT        PATH '$[3]' ERROR ON ERROR,
         failed    INT           PATH '$[4]' ERROR ON ERROR,
         zone      VARCHAR(300)  PATH '$[5]' ERROR ON ERROR,
         published MEDIUMTEXT    PATH '$[6]' ERROR ON ERROR,
         attempted MEDIUMTEXT    PATH '$[7]' ERROR ON ERROR,
         error     VARCHAR(1000) PATH '$[8]' ERROR ON ERROR)) k
  STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name
   SET d.zone = IF(d.version = k.version, COALESCE(k.zone, ''), d.zone),
       d.state = IF(d.version = k.version, k.state, 1),
       d.marked_at = IF(d.version <> k.version AND k.state <> 1, $now, d.marked_at),
       d.due_at = CASE WHEN d.version <> k.version THEN $now WHEN k.retry > 0 THEN $now + INTERVAL k.retry MICROSECOND END,
       d.holder = '', d.attempts = IF(k.failed, d.attempts + 1, 0), d.published = COALESCE(k.published, ''),
       d.attempted = COALESCE(k.attempted, ''), d.last_error = COALESCE(k.error, ''), d.changed_at = $now;

-- name: name_stale
-- Forgets addresses that do not have locked names any more.
DELETE a FROM $addrs
  STRAIGHT_JOIN dns_name_addr a FORCE INDEX (PRIMARY) ON a.name = k.name AND a.vrf = k.vrf AND a.addr = UNHEX(k.addr);

-- name: name_delete
-- Deletes locked names.
DELETE d FROM $names STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name;

-- name: name_lost
-- Records what those may have put into DNS whose claims of locked names were
-- lost.
UPDATE $records
  STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name SET d.attempted = COALESCE(k.attempted, '');

-- name: name_held
-- The names that a holder has claims of. No locks.
SELECT d.name FROM dns_name d FORCE INDEX (dns_name_due) WHERE d.due_at IS NOT NULL AND d.holder = ?;

-- name: name_release
-- Ends the claims of locked names.
UPDATE $names
  STRAIGHT_JOIN dns_name d FORCE INDEX (PRIMARY) ON d.name = k.name
   SET d.due_at = LEAST(d.due_at, $now), d.holder = '';

-- name: name_page
-- The next names in their order, with their zones. No locks.
SELECT d.name, d.zone FROM dns_name d FORCE INDEX (PRIMARY) WHERE d.name > ? ORDER BY d.name LIMIT ?;

-- name: name_rezone
-- Marks locked names that are in another zone, or in none, from now on.
INSERT INTO dns_name (name, zone)
SELECT k.name, COALESCE(k.zone, '') FROM $zones
ON DUPLICATE KEY UPDATE $marked, dns_name.zone = VALUES(zone);

-- name: name_queue
-- How many names of each zone wait or are tried again, and since when.
SELECT d.zone, SUM(d.state = 1), TIMESTAMPDIFF(MICROSECOND, MIN(IF(d.state = 1, d.marked_at, NULL)), UTC_TIMESTAMP(6)), SUM(d.state = 3),
       SUM(d.state = 4)
  FROM dns_name d FORCE INDEX (dns_name_due) WHERE d.due_at IS NOT NULL GROUP BY d.zone HAVING SUM(d.state IN (1, 3, 4)) > 0 ORDER BY d.zone;

-- name: name_list
-- Names after a position, for people.
SELECT $row FROM dns_name d FORCE INDEX (PRIMARY)
 WHERE d.name > ? AND (? = '' OR d.name = ?) AND (? = '' OR d.zone = ?) AND (? = 0 OR d.state = ?) ORDER BY d.name LIMIT ?;

-- name: tsig_secrets
-- The secrets that sign updates.
SELECT name, secret FROM tsig_key;

-- name: fragment_row
d.name, d.zone, d.version, d.state, d.claim, d.holder, d.attempts, d.published, d.attempted, d.last_error, d.marked_at, d.due_at

-- name: fragment_marked
dns_name.version = dns_name.version + 1,
  marked_at = IF(dns_name.due_at IS NULL OR dns_name.state <> 1, $now, dns_name.marked_at),
  state = IF(dns_name.holder <> '' AND dns_name.due_at > $now, dns_name.state, 1),
  due_at = IF(dns_name.holder <> '' AND dns_name.due_at > $now, dns_name.due_at, LEAST(COALESCE(dns_name.due_at, $now), $now)),
  changed_at = $now

-- name: fragment_names
JSON_TABLE(?, '$[*]' COLUMNS (name VARCHAR(300) PATH '$[0]' ERROR ON ERROR)) k

-- name: fragment_zones
JSON_TABLE(?, '$[*]' COLUMNS (
         name VARCHAR(300) PATH '$[0]' ERROR ON ERROR,
         zone VARCHAR(300) PATH '$[1]' ERROR ON ERROR)) k

-- name: fragment_records
JSON_TABLE(?, '$[*]' COLUMNS (
         name      VARCHAR(300) PATH '$[0]' ERROR ON ERROR,
         attempted MEDIUMTEXT   PATH '$[1]' ERROR ON ERROR)) k

-- name: fragment_addrs
JSON_TABLE(?, '$[*]' COLUMNS (
         name VARCHAR(300) PATH '$[0]' ERROR ON ERROR,
         vrf  INT          PATH '$[1]' ERROR ON ERROR,
         addr VARCHAR(40)  CHARACTER SET ascii PATH '$[2]' ERROR ON ERROR)) k
