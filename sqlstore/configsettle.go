package sqlstore

import "slices"

// SettleIn is SettleConfig, over what a dialect can do.
func SettleIn(tx ConfigTx, known *Config) (left int, err error) {
	head, err := tx.Head()
	if err != nil {
		return 0, err
	}
	c := known
	if c == nil || c.Revision != head.Revision {
		if c, err = tx.Load(); err != nil {
			return 0, err
		}
	}
	if err := describe(tx, head, nil, c); err != nil {
		return 0, err
	}
	still, err := settleRetired(tx, c)
	if err != nil {
		return 0, err
	}
	open, waiting, err := openable(tx, c, still)
	if err != nil || len(open) == 0 {
		return len(still) + waiting, err
	}
	next := withOpen(c, open)
	next.Revision++
	if err := tx.Open(open); err != nil {
		return 0, err
	}
	return len(still) + waiting, record(tx, c, next, "rowlock", "ranges that other pools have given up", true)
}

// settleRetired takes leave of generations that no frontend uses any more, and
// returns the others. What was handed out of them at the last moment gets the
// name of the pool that has its address now.
func settleRetired(tx ConfigTx, c *Config) (still []RetiredPool, err error) {
	inUse, err := tx.InUse()
	if err != nil {
		return nil, err
	}
	retired, err := tx.Retired()
	if err != nil {
		return nil, err
	}
	var done []*Pool
	for _, r := range retired {
		if r.Rev <= inUse {
			done = append(done, r.Pool)
		} else {
			still = append(still, r)
		}
	}
	if len(done) == 0 {
		return still, nil
	}
	var edits PoolEdits
	ended := newRangeIndex(done)
	for _, p := range poolsOf(c) {
		switch {
		case !ended.has(p):
		case p.Closing:
			edits.Closing = append(edits.Closing, p)
		default:
			edits.Open = append(edits.Open, p)
		}
	}
	slices.SortFunc(edits.Closing, byID)
	slices.SortFunc(edits.Open, byID)
	if err := relabel(tx, edits); err != nil {
		return nil, err
	}
	return still, tx.Retire(done, 0)
}

// openable returns the waiting pools that nothing is in the way of any more, and
// how many others wait.
func openable(tx ConfigTx, c *Config, retired []RetiredPool) (open []*Pool, waiting int, err error) {
	late := newRangeIndex(poolsIn(retired))
	for _, p := range poolsOf(c) {
		switch {
		case !p.Waiting:
		case late.inTheWay(p):
			waiting++
		default:
			open = append(open, p)
		}
	}
	slices.SortFunc(open, byID)
	held, err := tx.Held(open)
	if err != nil {
		return nil, 0, err
	}
	all := len(open)
	open = slices.DeleteFunc(open, func(p *Pool) bool { return held[p.ID] > 0 })
	return open, waiting + all - len(open), nil
}

// withOpen returns c without the waiting flag of the pools.
func withOpen(c *Config, open []*Pool) *Config {
	out := *c
	out.Links = slices.Clone(c.Links)
	opened := map[*Pool]bool{}
	for _, p := range open {
		opened[p] = true
	}
	for i, l := range out.Links {
		link := *l
		link.Subnets = slices.Clone(l.Subnets)
		touched := false
		for j, s := range link.Subnets {
			subnet := *s
			subnet.Pools = slices.Clone(s.Pools)
			for k, p := range subnet.Pools {
				if opened[p] {
					pool := *p
					pool.Waiting = false
					subnet.Pools[k], touched = &pool, true
				}
			}
			link.Subnets[j] = &subnet
		}
		if touched {
			out.Links[i] = &link
		}
	}
	return &out
}
