package torture

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// Leaser decides requests; an engine is one.
type Leaser interface {
	Do(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error)
}

const (
	fillers  = 16                     // clients that ask at the same time
	fillStep = 500 * time.Millisecond // between two looks for what comes back
)

// Fill takes all addresses of a pool that can be had, with clients never seen
// before, and returns a violation for each address that is neither theirs nor
// somebody else's nor in quarantine then. It waits at most for patience, because
// addresses that were held for somebody come back with time. It also returns how
// many it got. The pool must be small, and the grace of its dead rows over.
func Fill(ctx context.Context, l Leaser, s sqlstore.Store, p *sqlstore.Pool, patience time.Duration) (taken int, lost []Violation, err error) {
	deadline := time.Now().Add(patience)
	next := 0
	for {
		n, err := fillUp(ctx, l, p, &next)
		taken += n
		if err != nil {
			return taken, nil, err
		}
		missing, err := unused(ctx, s, p)
		if err != nil || len(missing) == 0 {
			return taken, nil, err
		}
		if time.Now().After(deadline) {
			for _, a := range missing {
				text := fmt.Sprintf("pool %d is exhausted, and %d of its %d addresses are neither used nor in quarantine", p.ID, len(missing), p.Size())
				lost = append(lost, Violation{AddressLost, netip.PrefixFrom(a, int(p.DelegatedLen)), text})
			}
			return taken, lost, nil
		}
		select {
		case <-ctx.Done():
			return taken, nil, ctx.Err()
		case <-time.After(fillStep):
		}
	}
}

// fillUp lets new clients ask until each of several at once hears that the pool
// is exhausted.
func fillUp(ctx context.Context, l Leaser, p *sqlstore.Pool, next *int) (taken int, failed error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range fillers {
		wg.Go(func() {
			for more := true; more; {
				mu.Lock()
				*next++
				n := *next
				mu.Unlock()
				got, err := takeOne(ctx, l, p, n)
				mu.Lock()
				if got {
					taken++
				}
				failed = errors.Join(failed, err)
				more = got && failed == nil
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return taken, failed
}

// takeOne gets an address for client n. A lost race is asked again.
func takeOne(ctx context.Context, l Leaser, p *sqlstore.Pool, n int) (got bool, err error) {
	id := binary.BigEndian.AppendUint64([]byte{0, 'f', 'i', 'l', 'l'}, uint64(p.ID)<<32|uint64(n))
	key := sqlstore.ClientKey(p.LinkID, sqlstore.KeyClientID, id)
	if p.Family() == sqlstore.IPv6 {
		key = sqlstore.IAKey(p.LinkID, sqlstore.KeyDUID, id, 1, p.Kind, 0)
	}
	r := &sqlstore.Request{Family: p.Family(), Items: []sqlstore.Item{{
		Op: sqlstore.OpAssign, Key: key, VRF: p.VRF, Kind: p.Kind, Pools: sqlstore.NewPoolSet(p),
		ValidLft: sqlstore.Infinite, PreferredLft: sqlstore.Infinite, OfferLft: 60, Client: sqlstore.Client{ClientID: id, IAID: 1},
	}}}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		d, err := l.Do(ctx, r)
		switch {
		case err == nil:
			return d.Results[0].Code == sqlstore.Granted, nil
		case ctx.Err() != nil || !errors.Is(err, sqlstore.ErrBusy) && !errors.Is(err, sqlstore.ErrFenced):
			return false, fmt.Errorf("fill pool %d: %w", p.ID, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// unused lists the addresses of a pool that have no row, or one that is dead.
func unused(ctx context.Context, s sqlstore.Store, p *sqlstore.Pool) (missing []netip.Addr, err error) {
	held := map[netip.Addr]bool{}
	filter := sqlstore.LeaseFilter{Family: p.Family(), SubnetID: p.SubnetID, Limit: 1000}
	for {
		page, err := s.Leases(ctx, filter)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].VRF == p.VRF && page[i].State != sqlstore.Expired && page[i].State != sqlstore.Released {
				held[page[i].Addr] = true
			}
		}
		if len(page) < filter.Limit {
			break
		}
		filter.AfterVRF, filter.AfterAddr = page[len(page)-1].VRF, page[len(page)-1].Addr
	}
	for i := range p.Size() {
		if a := p.At(i); !held[a] {
			missing = append(missing, a)
		}
	}
	return missing, nil
}
