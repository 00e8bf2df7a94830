package frontend

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// The tests of overload have a clock of their own: what the server under them
// can do is fixed, whatever the machine.
const (
	capacity  = 2000 // decisions a second
	renewals  = 200  // of them, always offered
	exchanges = (capacity - renewals) / 2
	warmUp    = time.Second
	measured  = 3 * time.Second
)

// fixedLeaser decides capacity requests a second, like the engine in batches of
// what waits: none is begun whose time is over, and what was begun is answered.
type fixedLeaser struct {
	mu    sync.Mutex
	queue []*fixedJob
	busy  bool
}

type fixedJob struct {
	ctx  context.Context
	done chan struct{}
	err  error
}

func (l *fixedLeaser) Do(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
	j := &fixedJob{ctx: ctx, done: make(chan struct{})}
	l.mu.Lock()
	l.queue = append(l.queue, j)
	if !l.busy {
		l.busy = true
		go l.run()
	}
	l.mu.Unlock()
	if <-j.done; j.err != nil {
		return nil, j.err
	}
	it := &r.Items[0]
	n := binary.BigEndian.Uint32(it.Client.HWAddr[2:])
	return &sqlstore.Decision{Revision: r.Revision, Results: []sqlstore.Result{{
		Code: sqlstore.Granted, HasLease: true,
		Lease: sqlstore.Lease{Key: it.Key, Addr: address4(n), PrefixLen: 32, State: sqlstore.Active, ValidLft: it.ValidLft},
	}}}, nil
}

func (l *fixedLeaser) run() {
	for {
		var batch []*fixedJob
		l.mu.Lock()
		for len(l.queue) > 0 && len(batch) < 128 {
			j := l.queue[0]
			l.queue = l.queue[1:]
			if j.ctx.Err() != nil {
				j.err = sqlstore.ErrBusy
				close(j.done)
				continue
			}
			batch = append(batch, j)
		}
		l.busy = len(batch) > 0
		l.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		time.Sleep(time.Duration(len(batch)) * time.Second / capacity)
		for _, j := range batch {
			close(j.done)
		}
	}
}

// address4 is the address of a client, in the network for benchmarks (RFC 2544).
func address4(client uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 198<<24|18<<16|client)))
}

// crowd is clients of one server, in memory.
type crowd struct {
	*bench4
	discover, request, renew []byte
	next                     uint32

	mu          sync.Mutex
	from        time.Time            // what counts begins here
	done        map[netip.Addr]int   // exchanges that ended in that time, by relay
	late        time.Duration        // the longest of them
	sent        map[uint32]time.Time // when a client began
	acks, asked map[uint32]struct{}  // renewals
}

func newCrowd(t *testing.T, config string) *crowd {
	b := newBench4(t, config+`
		link
		subnet 198.18.0.0/15 relay=192.0.2.1 relay=192.0.2.2
		pool 198.18.0.0 198.19.255.255`, relayed4)
	b.cfg.Leaser, b.cfg.Deadline, b.cfg.Workers = &fixedLeaser{}, time.Second, 256
	b.queue = newQueue(4096, b.cfg.Workers)
	b.listener.udp = newSocket(nil, 4096)
	c := &crowd{
		bench4: b, from: time.Now().Add(warmUp), done: map[netip.Addr]int{}, sent: map[uint32]time.Time{},
		acks: map[uint32]struct{}{}, asked: map[uint32]struct{}{},
	}
	c.discover = encode4(t, "DISCOVER\n giaddr 192.0.2.1\n 82.1 text port")
	c.request = encode4(t, "REQUEST\n giaddr 192.0.2.1\n 54 addr 198.51.100.67\n 50 addr 198.18.0.0")
	c.renew = encode4(t, "REQUEST\n ciaddr 198.18.0.0")
	for range b.cfg.Workers {
		b.workers.Go(b.work)
	}
	go c.answers()
	return c
}

// stop ends the server when nothing is under way any more.
func (c *crowd) stop() {
	c.queue.close()
	c.workers.Wait()
	close(c.listener.udp.out)
}

// send makes a packet of a client from a template and hands it to the server.
func (c *crowd) send(template []byte, client uint32, relay netip.Addr) {
	data := bytes.Clone(template)
	binary.BigEndian.PutUint32(data[4:], client)
	binary.BigEndian.PutUint32(data[30:], client)
	addr := address4(client).AsSlice()
	if template[12] != 0 {
		copy(data[12:], addr)
	} else {
		copy(data[24:], relay.AsSlice())
	}
	if i := bytes.Index(data, []byte{50, 4}); i > 0 {
		copy(data[i+2:], addr)
	}
	c.enqueue(c.packet(data, "192.0.2.1:67", "198.51.100.67:67"))
}

// begin lets n new clients behind a relay begin.
func (c *crowd) begin(n int, relay netip.Addr) {
	for range n {
		c.next++
		c.mu.Lock()
		c.sent[c.next] = time.Now()
		c.mu.Unlock()
		c.send(c.discover, c.next, relay)
	}
}

// renewing lets a client renew that nobody else is.
func (c *crowd) renewing() {
	c.next++
	c.mu.Lock()
	c.asked[c.next] = struct{}{}
	c.mu.Unlock()
	c.send(c.renew, c.next, netip.Addr{})
}

// answers goes on with each client that gets an answer.
func (c *crowd) answers() {
	for o := range c.listener.udp.out {
		client, relay := binary.BigEndian.Uint32(o.data[4:]), netip.AddrFrom4([4]byte(o.data[24:28]))
		c.mu.Lock()
		began, exchange := c.sent[client]
		switch {
		case o.kind == "offer":
			c.mu.Unlock()
			c.send(c.request, client, relay)
			continue
		case !exchange:
			c.acks[client] = struct{}{}
		case time.Now().After(c.from) && !time.Now().After(c.from.Add(measured)):
			c.done[relay]++
			c.late = max(c.late, time.Since(began))
		}
		c.mu.Unlock()
	}
}

var relayA, relayB = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")

// run offers so many new clients a second behind each relay, and renewals.
func (c *crowd) run(a, b int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := c.from.Add(measured); time.Now().Before(end); <-tick.C {
		c.begin(a/100, relayA)
		c.begin(b/100, relayB)
		for range renewals / 100 {
			c.renewing()
		}
	}
	time.Sleep(3 * time.Second)
	c.stop()
}

// goodput is the exchanges a second that ended behind a relay.
func (c *crowd) goodput(relay netip.Addr) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return float64(c.done[relay]) / measured.Seconds()
}

// From once to ten times what the database can do, what is done stays the same,
// nobody waits for long, and no renewal is lost.
func TestGoodputIsFlatUnderOverload(t *testing.T) {
	var first float64
	for _, times := range []int{1, 2, 5, 10} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, "")
			c.run(times*exchanges, 0)
			got := c.goodput(relayA)
			t.Logf("%2dx: %.0f exchanges/s, the longest took %v; shed %v, stale %v, no time left %v", times, got, c.late,
				c.drops(sqlstore.IPv4, ReasonQueueFull), c.drops(sqlstore.IPv4, ReasonStale), c.drops(sqlstore.IPv4, ReasonBusy))
			if times == 1 {
				first = got
			}
			require.GreaterOrEqual(t, got, 0.9*first)
			require.Less(t, c.late, time.Second)
			require.Equal(t, c.asked, c.acks, "renewals")
		})
	}
	require.Greater(t, first, 0.9*exchanges)
}

// A storm behind one relay leaves the clients behind another their share.
func TestStormBehindOneRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, "")
		c.apart()
		const others = exchanges / 3
		c.run(10*exchanges, others)
		require.GreaterOrEqual(t, c.goodput(relayB), 0.9*others)
		require.GreaterOrEqual(t, c.goodput(relayA)+c.goodput(relayB), 0.9*exchanges)
	})
}

// A storm of clients that ask for the lease they had, as after a power cut, is
// shed as well when it is more than the database can do.
func TestGoodputIsFlatInAStormOfRenewals(t *testing.T) {
	for _, times := range []int{1, 2, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, "")
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			before := 0
			for end := c.from.Add(measured); time.Now().Before(end); <-tick.C {
				for range times * capacity / 100 {
					c.renewing()
				}
				if time.Now().Before(c.from) {
					before = c.answered()
				}
			}
			got := float64(c.answered()-before) / measured.Seconds()
			t.Logf("%2dx: %.0f renewals/s", times, got)
			require.GreaterOrEqual(t, got, 0.9*capacity)
			c.stop()
		})
	}
}

func (c *crowd) answered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acks)
}

// apart sees to it that the two relays do not share a flow by chance.
func (c *crowd) apart() {
	flow := func(a netip.Addr) uint64 {
		o := origin{relay: a.AsSlice()}
		return o.relayFlow(c.admission.seed, &packet{}, 0) % flowCount
	}
	for flow(relayA) == flow(relayB) {
		c.admission = newAdmission()
	}
}

// With a bucket a storm costs nothing but what it may have.
func TestRelayBucketBoundsAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, "param relay_rate 100\n param relay_burst 50\n")
		c.apart()
		c.run(10*exchanges, 100)
		require.InDelta(t, 100, c.goodput(relayA), 5)
		require.InDelta(t, 100, c.goodput(relayB), 5)
		require.Less(t, c.late, 100*time.Millisecond, "nobody waits")
		require.Zero(t, c.drops(sqlstore.IPv4, ReasonQueueFull))
		require.Greater(t, c.drops(sqlstore.IPv4, ReasonRelayLimit), 30000.0)
		require.Equal(t, c.asked, c.acks, "renewals")
	})
}
