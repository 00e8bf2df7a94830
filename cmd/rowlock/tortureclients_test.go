package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

const (
	tortureSeed   = 20260101
	tortureHold   = 1500 * time.Millisecond // half of the site's offer_lifetime: an offer that has less is extended
	tortureCrowds = 6                       // of each family, half of them where addresses are scarce
	tortureTwins  = 2                       // of these, crowds of the same clients: each client does two things at once
	tortureGroups = 4                       // of a crowd's clients; one is at work at a time
	tortureGroup  = 12                      // clients
	// numbers of clients that a crowd uses up: those who gave their lease back
	// are followed by new ones half of the time.
	tortureNumbers = 1 << 20
)

// tortureCrowd is clients that come, renew, go, decline, or say nothing any more,
// in groups.
type tortureCrowd struct {
	o      load.Options
	r      *rand.Rand
	next   int  // number of the next client never seen
	twin   bool // its clients give nothing back: the other one of them may go on using it
	groups [tortureGroups]tortureClients
	begun  int // exchanges
	done   int // of these, completed
}

type tortureClients struct {
	first int
	held  []load.Lease // what they have, or had
	live  bool         // they have it still, as far as they know
}

// crowds lets all clients live until the context ends, and returns how many
// exchanges were begun and completed.
func (l *tortureLab) crowds(ctx context.Context) (begun, completed int, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 2 * tortureCrowds {
		family := []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6}[i%2]
		c := &tortureCrowd{o: l.options(family), r: rand.New(rand.NewPCG(tortureSeed, uint64(i))), next: i * tortureNumbers}
		area := i / 2 % len(c.o.Relays)
		if c.twin = i < 2*tortureTwins; c.twin {
			c.next, area = i%2*tortureNumbers, len(c.o.Relays)-1
		}
		c.o.Relays = c.o.Relays[area : area+1]
		for g := range c.groups {
			c.renew(&c.groups[g])
		}
		wg.Go(func() {
			failed := c.live(ctx)
			mu.Lock()
			defer mu.Unlock()
			begun, completed = begun+c.begun, completed+c.done
			if err == nil {
				err = failed
			}
		})
	}
	wg.Wait()
	return begun, completed, err
}

// renew replaces the clients of a group by others.
func (c *tortureCrowd) renew(g *tortureClients) {
	*g = tortureClients{first: c.next}
	c.next += tortureGroup
}

func (c *tortureCrowd) live(ctx context.Context) error {
	for n := 0; ctx.Err() == nil; {
		g := &c.groups[n%tortureGroups]
		if err := c.turn(g); err != nil {
			return err
		}
		if !g.live || c.r.IntN(2) == 0 { // else once more: on a slow machine leases run out while others are at work
			n++
		}
	}
	return nil
}

// turn is one step in the life of a group. Who got no answer has to try again:
// that is no failure.
func (c *tortureCrowd) turn(g *tortureClients) error {
	o := c.o
	o.First, o.Clients, o.Leases = g.first, tortureGroup, g.held
	o.Scenario = load.New
	if len(g.held) > 0 {
		o.Scenario = load.Returning
	}
	if g.live && c.whole(g) {
		next := []load.Scenario{load.Renew, load.Renew, load.Renew, load.Rebind, load.New, load.Returning, load.Release, load.Release, load.Decline}
		if c.twin {
			next = next[:6]
		}
		o.Scenario = next[c.r.IntN(len(next))]
	}
	if c.r.IntN(4) == 0 {
		o.Linger = 10 * o.Linger // for answers of frontends that are late
	}
	confused := o.Scenario >= load.Renew && c.r.IntN(4) == 0
	if confused {
		o.Leases = exchanged(g.held)
	}
	res, err := load.Run(context.Background(), o) // its time is bounded by its tries
	if err != nil {
		return err
	}
	c.begun, c.done = c.begun+res.Started, c.done+res.Completed
	switch {
	case confused:
		g.live = false // what they had they ask for the next time
	case o.Scenario >= load.Release:
		g.live = false
		if c.r.IntN(2) == 0 {
			c.renew(g)
		}
	default:
		g.held, g.live = res.Leases, len(res.Leases) > 0
		if c.r.IntN(4) == 0 {
			g.live = false // they are not heard of until their leases have run out, or later
		}
	}
	return nil
}

// exchanged gives each client the address and the prefix of another one: it asks
// for what is not its own, or gives that back.
func exchanged(held []load.Lease) []load.Lease {
	held = slices.Clone(held)
	last := map[sqlstore.Kind]*load.Lease{}
	for i := range held {
		l := &held[i]
		if before := last[l.Kind]; before != nil {
			l.Addr, before.Addr = before.Addr, l.Addr
		}
		last[l.Kind] = l
	}
	return held
}

// whole tells whether a client has all it asked for.
func (c *tortureCrowd) whole(g *tortureClients) bool {
	kinds := 1
	if c.o.Family == sqlstore.IPv6 {
		kinds = 2
	}
	count := map[int]int{}
	for _, l := range g.held {
		if count[l.Client]++; count[l.Client] == kinds && time.Since(l.At) < time.Minute {
			return true
		}
	}
	return false
}
