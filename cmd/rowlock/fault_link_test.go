package main

import (
	"bytes"
	"cmp"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// link is the network between a process and its database: a proxy that loses,
// delays and cuts.
type link struct {
	l      net.Listener
	server string

	mu     sync.Mutex
	change sync.Cond // silent ended, or a connection did
	silent bool
	closed bool          // new connections are ended at once
	delay  time.Duration // of each piece of an answer
	trap   *trap
	pipes  map[*pipe]bool
	made   int // connections
	peak   int // of them at once
}

// pipe is one connection through the link.
type pipe struct {
	client, server net.Conn
	began          map[string]bool // packet.first that were sent
	trap           *trap
	later          int // such packets after the one in the trap
}

// loss is what is lost from a statement that commits on.
type loss int

const (
	lostAnswer  loss = iota // the server gets the statement
	lostRequest             // it does not, but learns of the connection's end: the client died
	lostHost                // it learns of nothing: the client's machine is gone
)

// packet is one that goes to the server: it has some bytes, on a connection by
// which the first ones have gone before.
type packet struct{ first, then string }

// commitOf is the packet that commits updates of leases: with PostgreSQL it
// executes what was prepared, with MySQL it is the second of a transaction.
func commitOf(dialect string) packet {
	if dialect == "postgres" {
		return packet{"UPDATE lease4 l SET", "stmtcache_"}
	}
	return packet{"rowlock_lease_update_v4", "COMMIT"}
}

// takesFree is the end of a transaction that took free addresses of a pool.
func takesFree(dialect string) packet {
	if dialect == "postgres" {
		return packet{"UPDATE pool_cursor", "commit"}
	}
	return packet{"INSERT INTO pool_cursor", "COMMIT"}
}

// trap waits for a packet, and loses it or its answer.
type trap struct {
	packet packet
	loss   loss
	caught chan struct{}
	pipe   *pipe
}

func newLink(t *testing.T, server string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	k := &link{l: listener, server: server, pipes: map[*pipe]bool{}}
	k.change.L = &k.mu
	t.Cleanup(func() {
		_ = listener.Close()
		k.set(func() { k.silent, k.closed = false, true })
		k.cut()
	})
	go k.accept()
	return k
}

// set changes the link.
func (k *link) set(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
	k.change.Broadcast()
}

// cut ends all connections, on both sides.
func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for p := range k.pipes {
		p.close()
	}
}

// count returns how many connections were made, and the most at one time.
func (k *link) count() (made, peak int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.made, k.peak
}

// catch sets a trap for the next packet of a kind.
func (k *link) catch(p packet, l loss) *trap {
	c := &trap{packet: p, loss: l, caught: make(chan struct{})}
	k.set(func() { k.trap = c })
	return c
}

// wait waits until the trap has caught its packet.
func (c *trap) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.caught:
	case <-time.After(20 * time.Second):
		t.Fatal("the packet did not go to the database")
	}
}

// close ends the connection on both sides.
func (p *pipe) close() { _, _ = p.client.Close(), p.server.Close() }

func (k *link) accept() {
	for {
		client, err := k.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", k.server)
		k.mu.Lock()
		if err != nil || k.closed {
			k.mu.Unlock()
			_ = client.Close()
			if err == nil {
				_ = server.Close()
			}
			continue
		}
		p := &pipe{client: client, server: server, began: map[string]bool{}}
		k.pipes[p] = true
		k.made, k.peak = k.made+1, max(k.peak, len(k.pipes))
		k.mu.Unlock()
		go k.forward(p, server, client, k.ask)
		go k.forward(p, client, server, k.answer)
	}
}

// forward passes on what comes from one side, as far as pass allows it. The end
// of one side is the end of both, unless the connection is in a trap.
func (k *link) forward(p *pipe, to, from net.Conn, pass func(*pipe, []byte) bool) {
	b := make([]byte, 256<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && pass(p, b[:n]) {
			_, err = to.Write(b[:n])
		}
		if err == nil {
			continue
		}
		k.set(func() {
			if p.trap == nil || p.trap.loss != lostHost || from == p.server {
				p.close()
				delete(k.pipes, p)
			}
		})
		return
	}
}

// ask decides whether a piece goes to the server; while the link is silent it
// waits.
func (k *link) ask(p *pipe, b []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.silent {
		k.change.Wait()
	}
	c := cmp.Or(p.trap, k.trap)
	caught := c != nil && p.began[c.packet.first] && bytes.Contains(b, []byte(c.packet.then))
	for _, known := range []packet{commitOf("mysql"), commitOf("postgres"), takesFree("mysql"), takesFree("postgres")} {
		p.began[known.first] = p.began[known.first] || bytes.Contains(b, []byte(known.first))
	}
	if p.trap != nil {
		if caught {
			p.later++
		}
		return false
	}
	if !caught {
		return true
	}
	p.trap, k.trap = k.trap, nil
	p.trap.pipe = p
	close(p.trap.caught)
	return p.trap.loss == lostAnswer
}

// answer decides whether a piece of an answer goes to the client.
func (k *link) answer(p *pipe, _ []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if d := k.delay; d > 0 {
		k.mu.Unlock()
		time.Sleep(d)
		k.mu.Lock()
	}
	for k.silent {
		k.change.Wait()
	}
	return p.trap == nil
}
