package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// MarkNames makes names due.
func (s *Store) MarkNames(ctx context.Context, marks []sqlstore.NameMark) error {
	return s.nameTx(ctx, func(tx pgx.Tx) error { return s.markNames(ctx, tx, marks) })
}

// markNames marks names and adds the addresses that may have them. The rows of
// names are locked by then: what becomes of their addresses is decided there.
func (s *Store) markNames(ctx context.Context, tx pgx.Tx, marks []sqlstore.NameMark) error {
	names, addrs := sqlstore.SortMarks(marks)
	if len(names) == 0 {
		return nil
	}
	list, zones, _, _ := markArrays(names)
	if _, err := tx.Exec(ctx, s.q.get("name_mark"), list, zones); err != nil || len(addrs) == 0 {
		return err
	}
	list, _, vrfs, ips := markArrays(addrs)
	_, err := tx.Exec(ctx, s.q.get("name_mark_addr"), list, vrfs, ips)
	return err
}

func markArrays(marks []sqlstore.NameMark) (names, zones []string, vrfs []int32, addrs [][]byte) {
	for _, m := range marks {
		names, zones = append(names, m.Name), append(zones, m.Zone)
		vrfs, addrs = append(vrfs, int32(m.VRF)), append(addrs, fromAddr(m.Addr))
	}
	return names, zones, vrfs, addrs
}

// ClaimNames takes names that are due.
func (s *Store) ClaimNames(ctx context.Context, holder string, ttl time.Duration, limit int, except []string) ([]sqlstore.DNSName, error) {
	if except == nil {
		except = []string{}
	}
	var names []sqlstore.DNSName
	err := s.nameTx(ctx, func(tx pgx.Tx) (err error) {
		rows, err := tx.Query(ctx, s.q.get("name_claim"), holder, ttl.Microseconds(), limit, except)
		names, err = collectNames(rows, err)
		return err
	})
	return names, err
}

// DNSNames lists rows in order of name.
func (s *Store) DNSNames(ctx context.Context, f sqlstore.NameFilter) ([]sqlstore.DNSName, error) {
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	rows, err := s.general.Query(ctx, s.q.get("name_list"), f.After, f.Name, f.Zone, int32(f.State), f.Limit)
	names, err := collectNames(rows, err)
	return names, classify(err)
}

func collectNames(rows pgx.Rows, err error) ([]sqlstore.DNSName, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (n sqlstore.DNSName, err error) {
		var state int16
		var marked, due pgtype.Timestamptz
		err = row.Scan(&n.Name, &n.Zone, &n.Version, &state, &n.Claim, &n.Holder, &n.Attempts, &n.Published, &n.Attempted,
			&n.LastError, &marked, &due)
		n.State, n.MarkedAt = sqlstore.NameState(state), marked.Time.UTC()
		if due.Valid {
			n.DueAt = due.Time.UTC()
		}
		return n, err
	})
}

// NameHolders reads the leases at the addresses that names may have.
func (s *Store) NameHolders(ctx context.Context, names []string) (all []sqlstore.NameHolder, err error) {
	err = s.nameTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, s.q.get("name_holders"), names)
		if err == nil {
			all, err = pgx.CollectRows(rows, holderOf)
		}
		return err
	})
	return all, err
}

// holderOf reads the columns of name_holders.
func holderOf(row pgx.CollectableRow) (h sqlstore.NameHolder, err error) {
	var vrf int32
	var addr []byte
	var family, subnet, hwtype pgtype.Int4
	var hostname, forward pgtype.Text
	var flags pgtype.Int2
	var valid pgtype.Int8
	var since pgtype.Timestamptz
	err = row.Scan(&h.Name, &vrf, &addr, &family, &subnet, &hostname, &flags, &valid, &since, &h.Client.ClientID, &h.Client.HWAddr, &hwtype, &forward)
	h.VRF, h.Addr, h.Live, h.Family = uint32(vrf), toAddr(addr), family.Valid, sqlstore.Family(family.Int32)
	h.SubnetID, h.Hostname, h.FQDNFlags = uint32(subnet.Int32), hostname.String, uint8(flags.Int16)
	h.ValidLft, h.Client.HWType, h.Forward = uint32(valid.Int64), uint16(hwtype.Int32), forward.String
	if h.Live {
		h.Since = since.Time.UTC()
	}
	return h, err
}

// ReleaseNames ends all claims of a holder.
func (s *Store) ReleaseNames(ctx context.Context, holder string) (int, error) {
	count := 0
	err := s.nameTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, s.q.get("name_release"), holder)
		count = int(tag.RowsAffected())
		return err
	})
	return count, err
}

// RezoneNames marks names that are in another zone than their rows say.
func (s *Store) RezoneNames(ctx context.Context, after string, limit int, zone func(name string) string) (last string, done bool, err error) {
	rows, err := s.general.Query(ctx, s.q.get("name_page"), after, limit)
	if err != nil {
		return after, false, classify(err)
	}
	var names, zones []string
	looked := 0
	last = after
	var has string
	_, err = pgx.ForEachRow(rows, []any{&last, &has}, func() error {
		looked++
		if wanted := zone(last); wanted != has {
			names, zones = append(names, last), append(zones, wanted)
		}
		return nil
	})
	if err != nil || len(names) == 0 {
		return last, looked < limit, classify(err)
	}
	err = s.nameTx(ctx, func(tx pgx.Tx) error {
		if _, err := s.lockNames(ctx, tx, names); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, s.q.get("name_rezone"), names, zones)
		return err
	})
	return last, looked < limit, err
}

// NameQueue counts names by zone.
func (s *Store) NameQueue(ctx context.Context) ([]sqlstore.ZoneQueue, error) {
	rows, err := s.general.Query(ctx, s.q.get("name_queue"))
	if err != nil {
		return nil, classify(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (z sqlstore.ZoneQueue, err error) {
		var age float64
		err = row.Scan(&z.Zone, &z.Pending, &age, &z.Conflicts, &z.Failed)
		z.Oldest = seconds(age)
		return z, err
	})
	return all, classify(err)
}

// TSIGSecrets returns the secrets of all keys by name.
func (s *Store) TSIGSecrets(ctx context.Context) (map[string]string, error) {
	rows, err := s.general.Query(ctx, s.q.get("tsig_secrets"))
	if err != nil {
		return nil, classify(err)
	}
	secrets := map[string]string{}
	var name, secret string
	_, err = pgx.ForEachRow(rows, []any{&name, &secret}, func() error {
		secrets[name] = secret
		return nil
	})
	return secrets, classify(err)
}
