-- Names in DNS. A claim is live while holder is set and due_at is ahead; one
-- that ran out makes the name due like any other.

-- name: name_of_addr
-- The names that an address may have.
SELECT name FROM dns_name_addr WHERE vrf = ?1 AND addr = ?2;

-- name: name_mark
-- Marks a name at time ?3: the version rises, and the name is due now unless it
-- was so before, or when its claim ends.
INSERT INTO dns_name AS d (name, zone, marked_at, due_at, changed_at) VALUES (?1, ?2, ?3, ?3, ?3)
ON CONFLICT (name) DO UPDATE SET version = d.version + 1, zone = CASE WHEN excluded.zone = '' THEN d.zone ELSE excluded.zone END,
  state = CASE WHEN d.holder <> '' AND d.due_at > ?3 THEN d.state ELSE 1 END,
  marked_at = CASE WHEN d.due_at IS NULL OR d.state <> 1 THEN ?3 ELSE d.marked_at END,
  due_at = CASE WHEN d.holder <> '' AND d.due_at > ?3 THEN d.due_at ELSE min(coalesce(d.due_at, ?3), ?3) END, changed_at = ?3;

-- name: name_retry
-- Marks a name that is there at time ?2, and makes none.
UPDATE dns_name SET version = version + 1, state = CASE WHEN holder <> '' AND due_at > ?2 THEN state ELSE 1 END,
  marked_at = CASE WHEN due_at IS NULL OR state <> 1 THEN ?2 ELSE marked_at END,
  due_at = CASE WHEN holder <> '' AND due_at > ?2 THEN due_at ELSE min(coalesce(due_at, ?2), ?2) END, changed_at = ?2
 WHERE name = ?1;

-- name: name_mark_addr
-- Adds an address that may have a name.
INSERT INTO dns_name_addr (name, vrf, addr) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING;

-- name: name_due
-- The names that are due at time ?1, longest due first, whose zone is not in a
-- list (JSON).
SELECT name FROM dns_name WHERE due_at <= ?1 AND zone NOT IN (SELECT value FROM json_each(?2)) ORDER BY due_at LIMIT ?3;

-- name: name_claim
-- Claims a name for holder ?2 until time ?3.
UPDATE dns_name SET holder = ?2, claim = claim + 1, due_at = ?3 WHERE name = ?1
RETURNING name, zone, version, state, claim, holder, attempts, published, attempted, last_error, marked_at, due_at;

-- name: name_addrs
-- The addresses that a name may have.
SELECT vrf, addr FROM dns_name_addr WHERE name = ?1 ORDER BY vrf, addr;

-- name: name_published
-- What is published at a name.
SELECT published FROM dns_name WHERE name = ?1;

-- name: name_read
-- Reads what decides about a claim.
SELECT version, claim, holder, attempted FROM dns_name WHERE name = ?1;

-- name: name_make
-- Makes a name at time ?3 unless it is there.
INSERT INTO dns_name (name, zone, marked_at, due_at, changed_at) VALUES (?1, ?2, ?3, ?3, ?3) ON CONFLICT DO NOTHING;

-- name: name_attempt
-- Records at time ?4 what is about to be sent, and extends the claim to time ?3.
UPDATE dns_name SET attempted = ?2, due_at = ?3, changed_at = ?4 WHERE name = ?1;

-- name: name_finish
-- Ends a claim at time ?10. A name that was marked since is due at once, and
-- waits from now on if what was wanted before is settled.
UPDATE dns_name SET
    zone = CASE WHEN version = ?2 THEN ?3 ELSE zone END,
    state = CASE WHEN version = ?2 THEN ?4 ELSE 1 END,
    marked_at = CASE WHEN version <> ?2 AND ?4 <> 1 THEN ?10 ELSE marked_at END,
    due_at = CASE WHEN version <> ?2 THEN ?10 WHEN ?8 > 0 THEN ?10 + ?8 END,
    holder = '', attempts = CASE WHEN ?9 THEN attempts + 1 ELSE 0 END,
    published = ?5, attempted = ?6, last_error = ?7, changed_at = ?10
 WHERE name = ?1;

-- name: name_stale
-- Forgets an address that does not have a name any more.
DELETE FROM dns_name_addr WHERE name = ?1 AND vrf = ?2 AND addr = ?3;

-- name: name_delete
-- Deletes a name.
DELETE FROM dns_name WHERE name = ?1;

-- name: name_lost
-- Records what somebody may have put into DNS whose claim was lost.
UPDATE dns_name SET attempted = ?2 WHERE name = ?1;

-- name: name_release
-- Ends all claims of a holder at time ?2.
UPDATE dns_name SET holder = '', due_at = min(due_at, ?2) WHERE due_at IS NOT NULL AND holder = ?1;

-- name: name_page
-- The next names in their order, with their zones.
SELECT name, zone FROM dns_name WHERE name > ?1 ORDER BY name LIMIT ?2;

-- name: name_rezone
-- Marks a name at time ?3 that is in another zone, or in none, from now on.
UPDATE dns_name SET version = version + 1, zone = ?2,
  state = CASE WHEN holder <> '' AND due_at > ?3 THEN state ELSE 1 END,
  marked_at = CASE WHEN due_at IS NULL OR state <> 1 THEN ?3 ELSE marked_at END,
  due_at = CASE WHEN holder <> '' AND due_at > ?3 THEN due_at ELSE min(coalesce(due_at, ?3), ?3) END, changed_at = ?3
 WHERE name = ?1;

-- name: name_queue
-- Counts the names of each zone that wait or are tried again.
SELECT zone, count(*) FILTER (WHERE state = 1), min(marked_at) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 3),
       count(*) FILTER (WHERE state = 4)
  FROM dns_name INDEXED BY dns_name_due WHERE due_at IS NOT NULL
 GROUP BY zone HAVING count(*) FILTER (WHERE state IN (1, 3, 4)) > 0 ORDER BY zone;

-- name: name_list
-- Names after a position, for people.
SELECT name, zone, version, state, claim, holder, attempts, published, attempted, last_error, marked_at, due_at
  FROM dns_name WHERE name > ?1 AND (?2 = '' OR name = ?2) AND (?3 = '' OR zone = ?3) AND (?4 = 0 OR state = ?4)
 ORDER BY name LIMIT ?5;

-- name: tsig_secrets
-- The secrets that sign updates.
SELECT name, secret FROM tsig_key;
