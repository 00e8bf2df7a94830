package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// previewStore is a database of one request. The methods that an engine needs for
// a request are here; others are those of the nil interface.
type previewStore struct {
	sqlstore.Store
	from PreviewSource

	mu       sync.Mutex
	rows     map[sqlstore.Key]*sqlstore.Lease // as they would be
	asked    map[sqlstore.Key]bool            // keys whose rows were read
	keys     [][]sqlstore.Key                 // of the items
	previews []sqlstore.Preview
	failed   error // of from
}

func (s *previewStore) SplitLanes() bool { return false }

func (s *previewStore) Register(context.Context, sqlstore.FrontendInfo) (int64, error) { return 1, nil }

func (s *previewStore) DoneFree(context.Context, sqlstore.Fence, []int64, []sqlstore.UsedFree) error {
	return nil
}

// TakeFree names the first address of a pool, which stands for any.
func (s *previewStore) TakeFree(_ context.Context, _ sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	out := make([]sqlstore.Hints, len(needs))
	for i, n := range needs {
		out[i] = sqlstore.Hints{Pool: n.Pool, Source: sqlstore.HintFresh, Chunk: int64(i + 1)}
		for range n.Want {
			out[i].Addrs = append(out[i].Addrs, sqlstore.FreeAddr{Addr: n.Pool.First, Exclusive: true})
		}
	}
	return out, nil
}

// Apply does on the copies what a database does on its rows.
func (s *previewStore) Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &sqlstore.BatchResult{Alive: true}
	for i := range b.Inserts {
		r, err := s.insert(ctx, &b.Inserts[i])
		if err != nil {
			s.failed = errors.Join(s.failed, err)
			return nil, err
		}
		out.Inserts = append(out.Inserts, r)
	}
	for i := range b.Updates {
		u := &b.Updates[i]
		if err := s.read(ctx, u.Family, u.Key, nil); err != nil {
			s.failed = errors.Join(s.failed, err)
			return nil, err
		}
		out.Updates = append(out.Updates, s.update(u))
	}
	return out, nil
}

func (s *previewStore) insert(ctx context.Context, in *sqlstore.Insert) (r sqlstore.InsertResult, err error) {
	if err := s.read(ctx, in.Family, in.Key, in.Former); err != nil {
		return r, err
	}
	for i, key := range append([]sqlstore.Key{in.Key}, in.Former...) {
		if row := s.rows[key]; row != nil {
			status := sqlstore.KeyExists
			if i > 0 {
				status = sqlstore.FormerRow
			}
			return sqlstore.InsertResult{Status: status, Lease: *row}, nil
		}
	}
	if !in.Addr.IsValid() {
		return sqlstore.InsertResult{Status: sqlstore.NotPlaced}, nil
	}
	if in.Solo { // it is a certain address that is wanted
		held, err := s.at(ctx, in.Family, in.VRF, in.Addr)
		if err != nil {
			return r, err
		}
		if held != nil {
			s.note(in.Key, "%s is taken", in.Addr)
			return sqlstore.InsertResult{Status: sqlstore.NotPlaced}, nil
		}
	}
	row := in.Offered("", time.Now())
	s.rows[in.Key] = &row
	if i := s.item(in.Key); in.Solo || i < 0 {
		s.note(in.Key, "insert a row with %s", row.Prefix())
	} else {
		s.previews[i].Any = true
		s.note(in.Key, "insert a row with something free of pool %d", in.PoolID)
	}
	return sqlstore.InsertResult{Status: sqlstore.Inserted, Lease: row}, nil
}

// read takes over the row of a key, or of one of the former keys.
func (s *previewStore) read(ctx context.Context, f sqlstore.Family, key sqlstore.Key, former []sqlstore.Key) error {
	for _, k := range append([]sqlstore.Key{key}, former...) {
		if s.asked[k] {
			continue
		}
		s.asked[k] = true
		row, err := s.look(ctx, f, k)
		if err != nil {
			return err
		}
		if row == nil {
			continue
		}
		s.rows[k] = row
		s.note(k, "the client has %s, %s", row.Prefix(), rowText(row))
		if i := s.item(k); i >= 0 && s.previews[i].Row == nil {
			found := *row
			s.previews[i].Row = &found
		}
	}
	return nil
}

func (s *previewStore) look(ctx context.Context, f sqlstore.Family, key sqlstore.Key) (*sqlstore.Lease, error) {
	if s.from == nil {
		return nil, nil
	}
	res, err := s.from.Apply(ctx, &sqlstore.Batch{Inserts: []sqlstore.Insert{{Family: f, Key: key}}})
	if err != nil {
		return nil, fmt.Errorf("look for a row: %w", err)
	}
	if r := &res.Inserts[0]; r.Status == sqlstore.KeyExists {
		return &r.Lease, nil
	}
	return nil, nil
}

func rowText(row *sqlstore.Lease) string {
	if left := row.Remaining; row.ValidLft != sqlstore.Infinite && (row.State == sqlstore.Active || row.State == sqlstore.Offered) {
		if left <= 0 {
			return row.State.String() + ", run out"
		}
		return fmt.Sprintf("%s for another %v", row.State, left.Truncate(time.Second))
	}
	return row.State.String()
}

// at returns the row that has an address, nil if none has.
func (s *previewStore) at(ctx context.Context, f sqlstore.Family, vrf uint32, addr netip.Addr) (*sqlstore.Lease, error) {
	if s.from == nil {
		return nil, nil
	}
	list, err := s.from.Leases(ctx, sqlstore.LeaseFilter{Family: f, Addr: addr})
	if err != nil {
		return nil, fmt.Errorf("look for the holder of %s: %w", addr, err)
	}
	for i := range list {
		if list[i].VRF == vrf {
			return &list[i], nil
		}
	}
	return nil, nil
}

func (s *previewStore) holder(ctx context.Context, it *sqlstore.Item, own *sqlstore.Lease) (*sqlstore.Lease, error) {
	if !it.Want.IsValid() || own != nil && own.Addr == it.Want {
		return nil, nil
	}
	f := sqlstore.IPv6
	if it.Want.Is4() {
		f = sqlstore.IPv4
	}
	return s.at(ctx, f, it.VRF, it.Want)
}

// update changes a copy as sqlstore.Update says.
func (s *previewStore) update(u *sqlstore.Update) sqlstore.UpdateResult {
	row := s.rows[u.Key]
	if row == nil {
		return sqlstore.UpdateResult{Status: sqlstore.NoRow}
	}
	live := row.Live()
	if u.Action != sqlstore.Release && u.Action != sqlstore.Quarantine { // what was only offered is not given back
		live = live || row.State == sqlstore.Offered
	}
	if row.Addr != u.Addr || u.Rev != 0 && u.Rev != row.Rev || u.Rev == 0 && !live {
		return sqlstore.UpdateResult{Status: sqlstore.Mismatch, Lease: *row}
	}
	s.note(u.Key, "%s %s", actionWords[u.Action], row.Prefix())
	next, fresh := *row, !row.Live()
	next.Rev++
	delete(s.rows, u.Key)
	switch u.Action {
	case sqlstore.Activate:
		next.State, next.ValidLft, next.PreferredLft = sqlstore.Active, u.ValidLft, u.PrefLft
		next.Remaining = time.Duration(u.ValidLft) * time.Second
		next.Client = u.Client.Over(row.Client)
	case sqlstore.Hold:
		next.State, next.Remaining = sqlstore.Offered, time.Duration(u.OfferLft)*time.Second
	case sqlstore.Release:
		next.State, next.Remaining = sqlstore.Released, 0
	case sqlstore.Withdraw:
		next.Remaining = 0
	case sqlstore.Rekey:
		next.Key = u.NewKey
	case sqlstore.Park, sqlstore.Quarantine:
		next.Key, next.ParkedKey, next.State = u.NewKey, u.Key, sqlstore.Parked
	}
	s.rows[next.Key] = &next
	return sqlstore.UpdateResult{Status: sqlstore.Updated, Lease: next, Fresh: fresh}
}

var actionWords = map[sqlstore.Action]string{
	sqlstore.Activate: "activate", sqlstore.Hold: "offer again", sqlstore.Release: "release", sqlstore.Quarantine: "put into quarantine",
	sqlstore.Park: "park", sqlstore.Rekey: "take over under the client's key on this link", sqlstore.Withdraw: "take back the offer of",
}

// item returns which item a key belongs to, -1 if to none.
func (s *previewStore) item(key sqlstore.Key) int {
	return slices.IndexFunc(s.keys, func(of []sqlstore.Key) bool { return slices.Contains(of, key) })
}

func (s *previewStore) note(key sqlstore.Key, format string, args ...any) {
	if i := s.item(key); i >= 0 {
		s.previews[i].Steps = append(s.previews[i].Steps, fmt.Sprintf(format, args...))
	}
}
