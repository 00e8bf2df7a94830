package mysql

import (
	"context"
	"database/sql/driver"
	"time"

	"rowlock/sqlstore"
)

// MarkNames makes names due.
func (s *Store) MarkNames(ctx context.Context, marks []sqlstore.NameMark) error {
	return s.tx(ctx, func(c *conn) error { return c.markNames(marks) })
}

// markNames marks names and adds the addresses that may have them. The rows of
// names are locked by then: what becomes of their addresses is decided there.
func (c *conn) markNames(marks []sqlstore.NameMark) error {
	names, addrs := sqlstore.SortMarks(marks)
	if len(names) == 0 {
		return nil
	}
	if _, err := c.exec(c.q.get("name_mark"), zoneRows(names)); err != nil || len(addrs) == 0 {
		return err
	}
	_, err := c.exec(c.q.get("name_mark_addr"), addrRows(addrs))
	return err
}

func nameRows(names []string) string {
	rows := &items{}
	for _, name := range names {
		rows.Begin()
		rows.String(name)
		rows.End()
	}
	return rows.Text()
}

func zoneRows(marks []sqlstore.NameMark) string {
	rows := &items{}
	for _, m := range marks {
		rows.Begin()
		rows.String(m.Name)
		rows.Words(m.Zone)
		rows.End()
	}
	return rows.Text()
}

func addrRows(marks []sqlstore.NameMark) string {
	rows := &items{}
	for _, m := range marks {
		rows.Begin()
		rows.String(m.Name)
		rows.Number(int64(m.VRF))
		rows.Addr(m.Addr)
		rows.End()
	}
	return rows.Text()
}

// ClaimNames takes names that are due.
func (s *Store) ClaimNames(ctx context.Context, holder string, ttl time.Duration, limit int, except []string) (names []sqlstore.DNSName, err error) {
	zones := &items{}
	for _, zone := range except {
		zones.String(zone)
	}
	err = s.tx(ctx, func(c *conn) error {
		names = nil
		var due []string
		err := c.each(c.q.get("name_due"), []any{zones.Text(), limit}, func(v []driver.Value) error {
			due = append(due, text(v[0]))
			return nil
		})
		if err != nil || len(due) == 0 {
			return err
		}
		list := nameRows(due)
		if _, err := c.exec(c.q.get("name_claim"), list, holder, ttl.Microseconds()); err != nil {
			return err
		}
		return c.each(c.q.get("name_claimed"), []any{list}, func(v []driver.Value) error {
			names = append(names, nameOf(v))
			return nil
		})
	})
	return names, err
}

// nameOf reads the columns of the fragment row.
func nameOf(v []driver.Value) sqlstore.DNSName {
	return sqlstore.DNSName{
		Name: text(v[0]), Zone: text(v[1]), Version: integer(v[2]), State: sqlstore.NameState(integer(v[3])), Claim: integer(v[4]),
		Holder: text(v[5]), Attempts: int(integer(v[6])), Published: text(v[7]), Attempted: text(v[8]), LastError: text(v[9]),
		MarkedAt: moment(v[10]), DueAt: moment(v[11]),
	}
}

// DNSNames lists rows in order of name.
func (s *Store) DNSNames(ctx context.Context, f sqlstore.NameFilter) (names []sqlstore.DNSName, err error) {
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	args := []any{f.After, f.Name, f.Name, f.Zone, f.Zone, int(f.State), int(f.State), f.Limit}
	err = s.each(ctx, s.q.get("name_list"), args, func(v []driver.Value) error {
		names = append(names, nameOf(v))
		return nil
	})
	return names, err
}

// NameHolders reads the leases at the addresses that names may have.
func (s *Store) NameHolders(ctx context.Context, names []string) (all []sqlstore.NameHolder, err error) {
	err = s.each(ctx, s.q.get("name_holders"), []any{nameRows(names)}, func(v []driver.Value) error {
		h := sqlstore.NameHolder{Name: text(v[0]), VRF: uint32(integer(v[1])), Addr: address(v[2]), Live: v[3] != nil || v[4] != nil}
		if h.Live {
			h.Family = sqlstore.IPv4
			if h.Addr.Is6() {
				h.Family = sqlstore.IPv6
			}
			h.SubnetID, h.Hostname, h.FQDNFlags = uint32(integer(v[5])), text(v[6]), uint8(integer(v[7]))
			h.ValidLft, h.Since = uint32(integer(v[8])), moment(v[9])
			h.Client = sqlstore.Client{ClientID: binary(v[10]), HWAddr: binary(v[11]), HWType: uint16(integer(v[12]))}
			h.Forward = text(v[13])
		}
		all = append(all, h)
		return nil
	})
	return all, err
}

// RezoneNames marks names that are in another zone than their rows say.
func (s *Store) RezoneNames(ctx context.Context, after string, limit int, zone func(name string) string) (last string, done bool, err error) {
	var wrong []sqlstore.NameMark
	var names []string
	looked := 0
	last = after
	err = s.each(ctx, s.q.get("name_page"), []any{after, limit}, func(v []driver.Value) error {
		looked++
		last = text(v[0])
		if wanted := zone(last); wanted != text(v[1]) {
			wrong, names = append(wrong, sqlstore.NameMark{Name: last, Zone: wanted}), append(names, last)
		}
		return nil
	})
	if err != nil || len(wrong) == 0 {
		return last, looked < limit, err
	}
	err = s.tx(ctx, func(c *conn) error {
		there, err := c.lockNames(names)
		if err != nil {
			return err
		}
		var marks []sqlstore.NameMark
		for _, m := range wrong {
			if _, ok := there[m.Name]; ok {
				marks = append(marks, m)
			}
		}
		if len(marks) > 0 {
			_, err = c.exec(c.q.get("name_rezone"), zoneRows(marks))
		}
		return err
	})
	return last, looked < limit, err
}

// NameQueue counts names by zone.
func (s *Store) NameQueue(ctx context.Context) (all []sqlstore.ZoneQueue, err error) {
	err = s.each(ctx, s.q.get("name_queue"), nil, func(v []driver.Value) error {
		all = append(all, sqlstore.ZoneQueue{
			Zone: text(v[0]), Pending: integer(v[1]), Oldest: microseconds(max(integer(v[2]), 0)), Conflicts: integer(v[3]), Failed: integer(v[4]),
		})
		return nil
	})
	return all, err
}

// TSIGSecrets returns the secrets of all keys by name.
func (s *Store) TSIGSecrets(ctx context.Context) (map[string]string, error) {
	secrets := map[string]string{}
	err := s.each(ctx, s.q.get("tsig_secrets"), nil, func(v []driver.Value) error {
		secrets[text(v[0])] = text(v[1])
		return nil
	})
	return secrets, err
}
