package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"

	"rowlock/sqlstore"
)

// errUnchanged ends the transaction of a configuration that says what the
// newest one says.
var errUnchanged = errors.New("configuration is unchanged")

// ApplyConfig replaces the configuration in one transaction. An unchanged one
// does not raise the revision.
func (s *Store) ApplyConfig(ctx context.Context, base int64, next *sqlstore.Config, author, comment string) (rev int64, err error) {
	err = s.w.write(ctx, "apply configuration", func(t *transaction) error {
		old, secret, err := loadConfig(t.eachConfig)
		if err != nil {
			return err
		}
		rev = old.Revision
		if base != 0 && base != rev {
			return fmt.Errorf("configuration is at revision %d, not %d: %w", rev, base, sqlstore.ErrConflict)
		}
		used, err := t.usedIDs()
		if err != nil {
			return err
		}
		if err := sqlstore.Assign(old, next, secret, used); err != nil {
			return err
		}
		was, will := rowsOf(old), rowsOf(next)
		if sqlstore.SameConfig(old, next) || reflect.DeepEqual(was, will) {
			if changed, err := t.putConsumer(); changed || err != nil {
				return err
			}
			return errUnchanged
		}
		if err := t.takeOver(sqlstore.EditsOf(old, next)); err != nil {
			return err
		}
		if err := t.writeRows(was, will, secretsOf(next)); err != nil {
			return err
		}
		if _, err := t.putConsumer(); err != nil {
			return err
		}
		rev++
		if _, err := t.exec(0, "config_raise", rev); err != nil {
			return err
		}
		_, err = t.exec(0, "config_log", rev, t.now, author, comment)
		return err
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return 0, err
	}
	next.Revision = rev
	if err == nil {
		s.announce()
	}
	return rev, nil
}

// eachConfig is eachRow on the writing connection.
func (t *transaction) eachConfig(query string, read func([]any) error) error {
	var row []any
	return t.each(0, query, func(v []driver.Value) error {
		row = row[:0]
		for _, x := range v {
			row = append(row, x)
		}
		return read(row)
	})
}

func (t *transaction) usedIDs() (sqlstore.UsedIDs, error) {
	used := sqlstore.UsedIDs{Gens: map[uint32]uint32{}}
	err := t.each(0, "config_gens", func(v []driver.Value) error {
		id := uint32(integer(v[1]))
		switch integer(v[0]) {
		case 1:
			used.Gens[id] = uint32(integer(v[2]))
		case 2:
			used.Link = id
		case 3:
			used.Subnet = id
		}
		return nil
	})
	return used, err
}
