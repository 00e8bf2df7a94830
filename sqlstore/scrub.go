package sqlstore

import "net/netip"

// ScrubPool is Scrub, over what a dialect can do. It reads the chunks before
// the rows and addr_free last: an address goes from a chunk to a row, and from
// there to the list, so that one on its way is seen.
func ScrubPool(tx HintTx, p *Pool, from uint64) (listed int, next uint64, err error) {
	current, err := tx.Current([]*Pool{p})
	if err != nil || !current[0] {
		return 0, 0, err
	}
	reach, err := tx.Reach(p)
	if err != nil || from >= reach {
		return 0, 0, err
	}
	if from == 0 {
		n, err := giveUpDead(tx, p)
		if err != nil {
			return 0, 0, err
		}
		listed += n
	}
	to := min(from+ScrubWindow, reach)
	chunks, err := tx.Chunks(p, from, to)
	if err != nil {
		return 0, 0, err
	}
	covered := make([]bool, to-from)
	for _, c := range chunks {
		for i := max(c.First, from); i < min(c.First+uint64(c.N), to); i++ {
			covered[i-from] = true
		}
	}
	var places []Place
	for i, c := range covered {
		if !c {
			places = append(places, Place{p.VRF, p.At(from + uint64(i))})
		}
	}
	n, err := list(tx, p, places)
	if to == reach {
		to = 0
	}
	return listed + n, to, err
}

// list enters those of the addresses into addr_free that have no row.
func list(tx HintTx, p *Pool, places []Place) (int, error) {
	taken, err := held(tx, places)
	if err != nil {
		return 0, err
	}
	var free []netip.Addr
	for _, q := range places {
		if !taken[q] {
			free = append(free, q.Addr)
		}
	}
	if len(free) == 0 {
		return 0, nil
	}
	return tx.List(p, free)
}

// giveUpDead lists what chunks of dead frontends have left, and deletes them:
// a pool that nobody asks again would keep them for ever.
func giveUpDead(tx HintTx, p *Pool) (listed int, err error) {
	for range scrubAdopts {
		chunks, err := tx.Adopt([]PoolNeed{{Pool: p}})
		if err != nil || chunks[0].ID == 0 {
			return listed, err
		}
		c := chunks[0]
		var places []Place
		for _, a := range p.span(c.First, c.First+uint64(c.N)) {
			places = append(places, Place{p.VRF, a})
		}
		n, err := list(tx, p, places)
		if err != nil {
			return 0, err
		}
		listed += n
		if err := tx.Drop([]int64{c.ID}, nil); err != nil {
			return 0, err
		}
	}
	return listed, nil
}
