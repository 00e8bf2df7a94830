package ddns

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// sizes of messages and the allowed difference of clocks (RFC 8945 section 10).
const (
	fudge     = 300
	udpSize   = 512
	replySize = 4096
	keptFor   = 3 * time.Second // less than servers keep an idle connection
)

// sender sends messages over connections that it keeps, one message at a time
// on each.
type sender struct {
	t    *tuning
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex
	kept map[string]keptConn
}

type keptConn struct {
	net.Conn
	since time.Time
}

func newSender(t *tuning) *sender {
	d := &net.Dialer{Timeout: t.connect}
	return &sender{t: t, dial: d.DialContext, kept: map[string]keptConn{}}
}

// send sends the message to a server and judges the reply. It does not outlast
// the times for connecting and replying, twice where UDP does not do or a kept
// connection was closed.
func (s *sender) send(ctx context.Context, srv server, u update) answer {
	if err := srv.usable(); err != nil {
		return answer{verdict: noAnswer, code: "UNSENT", err: err, replied: true}
	}
	m, err := build(srv, u)
	if err != nil {
		return answer{verdict: unfit, code: "UNSENT", err: err, replied: true}
	}
	if srv.udp && m.Len() <= udpSize {
		r, err := s.over(ctx, "udp", srv, m.Copy())
		if err != nil || !r.Truncated {
			return judge(srv, r, err)
		}
	}
	key := srv.String() + " " + u.zone
	conn := s.take(key)
	again := conn != nil
	if again {
		r, err := exchange(ctx, conn, srv, m.Copy(), s.t.reply)
		if err == nil || !gone(err) {
			return s.finish(key, conn, srv, r, err)
		}
		conn.Close()
	}
	a := s.fresh(ctx, key, srv, m)
	a.unknown = a.unknown || again // what the server read before it closed the first
	return a
}

// fresh sends the message over a new connection.
func (s *sender) fresh(ctx context.Context, key string, srv server, m *dns.Msg) answer {
	conn, err := s.dial(ctx, "tcp", srv.addr.String())
	if err != nil {
		return judge(srv, nil, err)
	}
	r, err := exchange(ctx, conn, srv, m.Copy(), s.t.reply)
	return s.finish(key, conn, srv, r, err)
}

// finish keeps the connection or closes it, and judges.
func (s *sender) finish(key string, conn net.Conn, srv server, r *dns.Msg, err error) answer {
	a := judge(srv, r, err)
	if r == nil || !a.replied {
		conn.Close()
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[key] = keptConn{conn, time.Now()}
	return a
}

func (s *sender) over(ctx context.Context, network string, srv server, m *dns.Msg) (*dns.Msg, error) {
	conn, err := s.dial(ctx, network, srv.addr.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return exchange(ctx, conn, srv, m, s.t.reply)
}

func (s *sender) take(key string) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.kept[key]
	if !ok {
		return nil
	}
	delete(s.kept, key)
	return c.Conn
}

// tidy closes connections that were not used for a while.
func (s *sender) tidy(unused time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, c := range s.kept {
		if time.Since(c.since) >= unused {
			c.Close()
			delete(s.kept, key)
		}
	}
}

// exchange sends the message and reads the reply, which is there even with an
// error when it could be read. The connection gets a new wrapper each time: one
// that is used again would sign the message together with the one before.
func exchange(ctx context.Context, conn net.Conn, srv server, m *dns.Msg, limit time.Duration) (*dns.Msg, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	w := &dns.Conn{Conn: conn, UDPSize: replySize}
	if srv.key != "" {
		w.TsigSecret = map[string]string{dns.Fqdn(srv.key): srv.secret}
		m.SetTsig(dns.Fqdn(srv.key), dns.Fqdn(srv.algorithm), fudge, time.Now().Unix())
	}
	if err := w.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		r, err := w.ReadMsg()
		if r == nil || r.Id == m.Id {
			return r, err
		}
		if _, udp := conn.(*net.UDPConn); !udp {
			return nil, errWrongID
		}
	}
}

// gone tells whether the other side had closed the connection.
func gone(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || ok && !n.Timeout()
}
