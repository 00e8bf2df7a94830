package mysql

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"rowlock/sqlstore"
)

// Lead takes or keeps a leadership row.
func (s *Store) Lead(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, err error) {
	var has string
	err = s.tx(ctx, func(c *conn) error {
		if _, err := c.exec(c.q.get("lead_make"), name); err != nil {
			return err
		}
		if _, err := c.exec(c.q.get("lead_take"), holder, holder, ttl.Microseconds(), name, holder); err != nil {
			return err
		}
		return c.each(c.q.get("lead_read"), []any{name}, func(v []driver.Value) error {
			fence, has = integer(v[0]), text(v[1])
			return nil
		})
	})
	if err == nil && has != holder {
		return 0, fmt.Errorf("leadership %q: %w", name, sqlstore.ErrConflict)
	}
	return fence, err
}

// Due looks for rows whose time has come.
func (s *Store) Due(ctx context.Context, f sqlstore.Family, after sqlstore.Key, limit int) (due []sqlstore.Due, last sqlstore.Key, done bool, err error) {
	last, done, err = s.window(ctx, f, "lease_due", after, limit, func() { due = nil }, func(v []driver.Value) error {
		due = append(due, sqlstore.Due{
			Key: sqlstore.Key(raw(v[0])), Addr: address(v[1]), State: sqlstore.State(integer(v[2])), Rev: integer(v[3]),
		})
		return nil
	})
	if done && len(due) > 0 {
		last = due[len(due)-1].Key
	}
	return due, last, done, err
}

// window runs a query over the next limit rows in key order, and returns the
// last of their keys; done when there are fewer. begin is called before each
// try.
func (s *Store) window(ctx context.Context, f sqlstore.Family, query string, after sqlstore.Key, limit int, begin func(),
	row func([]driver.Value) error,
) (last sqlstore.Key, done bool, err error) {
	from := hex.EncodeToString([]byte(after))
	err = s.with(ctx, s.general, func(c *conn) error {
		begin()
		last, done = "", true
		err := c.each(c.q.of(f, "lease_last"), []any{from, limit - 1}, func(v []driver.Value) error {
			last, done = sqlstore.Key(raw(v[0])), false
			return nil
		})
		if err != nil {
			return err
		}
		upto := hex.EncodeToString([]byte(last))
		if done {
			upto = endOfKeys
		}
		return c.each(c.q.of(f, query), []any{from, upto, limit}, row)
	})
	return last, done, err
}

// endOfKeys is behind every key, in hex.
const endOfKeys = "ffffffffffff"

// DeleteOffers deletes dead offers and lists their addresses as free.
func (s *Store) DeleteOffers(ctx context.Context, f sqlstore.Family, due []sqlstore.Due) (count int, err error) {
	rows := &items{}
	for _, d := range due {
		rows.Begin()
		rows.key(d.Key)
		rows.Number(d.Rev)
		rows.End()
	}
	err = s.tx(ctx, func(c *conn) error {
		count, err = c.deleteRows(f, "lease_dead_offers", rows.Text())
		return err
	})
	return count, err
}

// Forget deletes rows that nobody waits for any more. They are looked for
// without locks, and locked by key: a scan must not lock what it passes.
func (s *Store) Forget(ctx context.Context, f sqlstore.Family, affinity uint32, limit int) (count int, err error) {
	err = s.tx(ctx, func(c *conn) error {
		count = 0
		rows, err := c.forgettable(f, affinity, limit)
		if err != nil || rows.Empty() {
			return err
		}
		count, err = c.deleteRows(f, "lease_dead", rows.Text())
		return err
	})
	return count, err
}

// ForgetAbove deletes what a pool has of ended bindings above a number.
func (s *Store) ForgetAbove(ctx context.Context, f sqlstore.Family, maxDead uint32, limit int) (count int, err error) {
	err = s.tx(ctx, func(c *conn) error {
		count = 0
		rows, err := c.above(f, maxDead, limit)
		if err != nil || rows.Empty() {
			return err
		}
		count, err = c.deleteRows(f, "lease_dead", rows.Text())
		return err
	})
	return count, err
}

// above finds the rows of pools that have too many ended ones.
func (c *conn) above(f sqlstore.Family, maxDead uint32, limit int) (*items, error) {
	pools, err := c.dying(f)
	if err != nil {
		return nil, err
	}
	var full, upto []int64
	err = c.perPool(len(pools), func(p *packet, i int) {
		p.add(c.q.of(f, "lease_above"), pools[i], maxDead)
	}, func(i int, v []driver.Value) error {
		full, upto = append(full, pools[i]), append(upto, integer(v[0]))
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, left := &items{}, limit
	err = c.perPool(len(full), func(p *packet, i int) {
		p.add(c.q.of(f, "lease_above_rows"), full[i], upto[i], limit)
	}, func(_ int, v []driver.Value) error {
		if left > 0 {
			left--
			rows.Begin()
			rows.Bytes(raw(v[0]))
			rows.Number(integer(v[1]))
			rows.End()
		}
		return nil
	})
	return rows, err
}

// dying lists the pools that have a dead row.
func (c *conn) dying(f sqlstore.Family) (pools []int64, err error) {
	err = c.each(c.q.of(f, "lease_dying"), nil, func(v []driver.Value) error {
		pools = append(pools, integer(v[0]))
		return nil
	})
	return pools, err
}

// forgetPools is how many pools are looked at in one round trip.
const forgetPools = 16

// forgettable goes from pool to pool until it has found enough rows.
func (c *conn) forgettable(f sqlstore.Family, affinity uint32, limit int) (*items, error) {
	rows, left := &items{}, limit
	pools, err := c.dying(f)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(pools, forgetPools) {
		p := &packet{}
		for _, pool := range some {
			p.add(c.q.of(f, "lease_forgettable"), pool, affinity, left)
		}
		err := c.send(p, func(_ int, v []driver.Value) error {
			if left == 0 {
				return nil
			}
			left--
			rows.Begin()
			rows.Bytes(raw(v[0]))
			rows.Number(integer(v[1]))
			rows.End()
			return nil
		})
		if err != nil || left == 0 {
			return rows, err
		}
	}
	return rows, nil
}

// BoundEvents deletes the oldest events of a bag that nobody empties.
func (s *Store) BoundEvents(ctx context.Context, limit int64) (count int, err error) {
	err = s.tx(ctx, func(c *conn) error {
		count = 0
		var upto int64
		err := c.each(c.q.get("event_span"), []any{limit, sqlstore.TrimStep - 1, limit}, func(v []driver.Value) error {
			upto = integer(v[0])
			return nil
		})
		if err != nil || upto == 0 {
			return err
		}
		if _, err := c.exec(c.q.get("event_missed")); err != nil {
			return err
		}
		res, err := c.exec(c.q.get("event_drop"), upto)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		count = int(n)
		return err
	})
	return count, err
}

// BoundHistory drops months of history that are too old.
func (s *Store) BoundHistory(ctx context.Context) (gone int, stray bool, err error) {
	err = s.each(ctx, s.q.get("bound_history"), nil, func(v []driver.Value) error {
		gone, stray = int(integer(v[0])), integer(v[1]) != 0
		return nil
	})
	return gone, stray, err
}

// MakePartitions prepares the history partitions of the months ahead.
func (s *Store) MakePartitions(ctx context.Context) error {
	_, err := s.exec(ctx, s.q.get("make_partitions"))
	return err
}
