package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"time"

	"rowlock/sqlstore"
)

// MarkNames makes names due.
func (s *Store) MarkNames(ctx context.Context, marks []sqlstore.NameMark) error {
	return s.w.write(ctx, "mark names", func(t *transaction) error { return t.markNames(marks) })
}

// markNames marks names and adds the addresses that may have them.
func (t *transaction) markNames(marks []sqlstore.NameMark) error {
	names, addrs := sqlstore.SortMarks(marks)
	for _, m := range names {
		if _, err := t.exec(0, "name_mark", m.Name, m.Zone, t.now); err != nil {
			return err
		}
	}
	for _, m := range addrs {
		if _, err := t.exec(0, "name_mark_addr", m.Name, int64(m.VRF), addrValue(m.Addr)); err != nil {
			return err
		}
	}
	return nil
}

// ClaimNames takes names that are due. They are looked for under the write
// lock, because nobody else may claim them meanwhile.
func (s *Store) ClaimNames(ctx context.Context, holder string, ttl time.Duration, limit int, except []string) (names []sqlstore.DNSName, err error) {
	if except == nil {
		except = []string{}
	}
	list, err := json.Marshal(except)
	if err != nil {
		return nil, err
	}
	err = s.w.write(ctx, "claim names", func(t *transaction) error {
		names = nil
		var due []string
		err := t.each(0, "name_due", func(v []driver.Value) error {
			due = append(due, text(v[0]))
			return nil
		}, t.now, string(list), int64(limit))
		for i := 0; err == nil && i < len(due); i++ {
			err = t.one(0, "name_claim", func(v []driver.Value) error {
				names = append(names, nameOf(v))
				return nil
			}, due[i], holder, t.now+ttl.Microseconds())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// nameOf reads the columns of name_claim and name_list.
func nameOf(v []driver.Value) sqlstore.DNSName {
	n := sqlstore.DNSName{
		Name: text(v[0]), Zone: text(v[1]), Version: integer(v[2]), State: sqlstore.NameState(integer(v[3])), Claim: integer(v[4]),
		Holder: text(v[5]), Attempts: int(integer(v[6])), Published: text(v[7]), Attempted: text(v[8]), LastError: text(v[9]),
		MarkedAt: moment(integer(v[10])),
	}
	if v[11] != nil {
		n.DueAt = moment(integer(v[11]))
	}
	return n
}

// DNSNames lists rows in order of name.
func (s *Store) DNSNames(ctx context.Context, f sqlstore.NameFilter) (names []sqlstore.DNSName, err error) {
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	err = s.r.each(ctx, nil, 0, "name_list", func(v []any) error {
		names = append(names, nameOf(values(v)))
		return nil
	}, f.After, f.Name, f.Zone, int64(f.State), int64(f.Limit))
	return names, err
}

// NameHolders reads the leases at the addresses that names may have.
func (s *Store) NameHolders(ctx context.Context, names []string) (all []sqlstore.NameHolder, err error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	err = s.r.snapshot(ctx, func(tx *sql.Tx) error {
		all = nil
		for _, name := range names {
			err := s.r.each(ctx, tx, 0, "name_addrs", func(v []any) error {
				all = append(all, sqlstore.NameHolder{Name: name, VRF: uint32(integer(v[0])), Addr: address(v[1])})
				return nil
			}, name)
			if err != nil {
				return err
			}
		}
		for i := range all {
			if err := s.readHolder(ctx, tx, &all[i], now); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// readHolder reads the live lease of an address, and what is published at its
// name.
func (s *Store) readHolder(ctx context.Context, tx *sql.Tx, h *sqlstore.NameHolder, now int64) error {
	f := sqlstore.IPv4
	if h.Addr.Is6() {
		f = sqlstore.IPv6
	}
	err := s.r.each(ctx, tx, f, "lease_holder", func(v []any) error {
		h.Live, h.Family, h.SubnetID, h.Hostname, h.FQDNFlags = true, f, uint32(integer(v[0])), text(v[1]), uint8(integer(v[2]))
		h.ValidLft, h.Since = uint32(integer(v[3])), moment(integer(v[4]))
		h.Client = sqlstore.Client{ClientID: blob(v[5]), HWAddr: blob(v[6]), HWType: uint16(integer(v[7]))}
		return nil
	}, int64(h.VRF), h.Addr.AsSlice(), now)
	if err != nil || !h.Live {
		return err
	}
	return s.r.each(ctx, tx, 0, "name_published", func(v []any) error {
		h.Forward = text(v[0])
		return nil
	}, h.Hostname)
}

// RezoneNames marks names that are in another zone than their rows say.
func (s *Store) RezoneNames(ctx context.Context, after string, limit int, zone func(name string) string) (last string, done bool, err error) {
	var wrong []sqlstore.NameMark
	looked := 0
	last = after
	err = s.r.each(ctx, nil, 0, "name_page", func(v []any) error {
		looked++
		last = text(v[0])
		if wanted := zone(last); wanted != text(v[1]) {
			wrong = append(wrong, sqlstore.NameMark{Name: last, Zone: wanted})
		}
		return nil
	}, after, int64(limit))
	if err != nil || len(wrong) == 0 {
		return last, looked < limit, err
	}
	err = s.w.write(ctx, "move names to other zones", func(t *transaction) error {
		for _, m := range wrong {
			if _, err := t.exec(0, "name_rezone", m.Name, m.Zone, t.now); err != nil {
				return err
			}
		}
		return nil
	})
	return last, looked < limit, err
}

// NameQueue counts names by zone.
func (s *Store) NameQueue(ctx context.Context) (all []sqlstore.ZoneQueue, err error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	err = s.r.each(ctx, nil, 0, "name_queue", func(v []any) error {
		z := sqlstore.ZoneQueue{Zone: text(v[0]), Pending: integer(v[1]), Conflicts: integer(v[3]), Failed: integer(v[4])}
		if z.Pending > 0 {
			z.Oldest = time.Duration(max(now-integer(v[2]), 0)) * time.Microsecond
		}
		all = append(all, z)
		return nil
	})
	return all, err
}

// TSIGSecrets returns the secrets of all keys by name.
func (s *Store) TSIGSecrets(ctx context.Context) (map[string]string, error) {
	secrets := map[string]string{}
	err := s.r.each(ctx, nil, 0, "tsig_secrets", func(v []any) error {
		secrets[text(v[0])] = text(v[1])
		return nil
	})
	return secrets, err
}
