package mysql

import (
	"database/sql/driver"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// adoptTries is how many chunks without a free address one call looks through
// before it goes on to the pool's cursor.
const adoptTries = 16

// adoptChunk takes over a chunk of a dead frontend. It is tried from its start,
// because nobody knows how far its holder came. Addresses that have a row are
// left out; they are listed as free when their rows are deleted. A chunk of
// which nothing is left is deleted.
func (c *conn) adoptChunk(f sqlstore.Fence, h *sqlstore.Hints) (bool, error) {
	for range adoptTries {
		var first, n int64
		err := c.each(c.q.get("hint_adopt"), []any{h.Pool.ID, h.Pool.Gen}, func(v []driver.Value) error {
			h.Chunk, first, n = integer(v[0]), integer(v[1]), integer(v[2])
			return nil
		})
		if err != nil || h.Chunk == 0 {
			return false, err
		}
		if _, err := c.exec(c.q.get("hint_take_over"), f.Frontend, f.Incarnation, h.Chunk); err != nil {
			return false, err
		}
		fill(h, first, n, false)
		if err := c.dropHeld(h); err != nil {
			return false, err
		}
		if len(h.Addrs) > 0 {
			return true, nil
		}
		if err := c.dropChunks(f, h.Chunk); err != nil {
			return false, err
		}
		h.Chunk = 0
	}
	return false, nil
}

// dropHeld takes out the addresses that have a row.
func (c *conn) dropHeld(h *sqlstore.Hints) error {
	rows := &items{}
	for _, a := range h.Addrs {
		rows.Begin()
		rows.Addr(a.Addr)
		rows.End()
	}
	held := map[netip.Addr]bool{}
	err := c.each(c.q.of(h.Pool.Family(), "lease_held"), []any{rows.Text(), h.Pool.VRF}, func(v []driver.Value) error {
		held[address(v[0])] = true
		return nil
	})
	if err != nil {
		return err
	}
	h.Addrs = slices.DeleteFunc(h.Addrs, func(a sqlstore.FreeAddr) bool { return held[a.Addr] })
	return nil
}
