package ddns

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
)

// scripted is a DNS server on loopback, TCP and UDP on one port, that does with
// each message what it is told.
type scripted struct {
	t     testing.TB
	addr  netip.AddrPort
	conns atomic.Int32 // TCP connections taken
	reply func(c *dns.Conn, q *dns.Msg)
}

func newScripted(t testing.TB, reply func(c *dns.Conn, q *dns.Msg)) *scripted {
	t.Helper()
	s := &scripted{t: t, reply: reply}
	var l net.Listener
	var p net.PacketConn
	for range 50 {
		var err error
		l, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		if p, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			break
		}
		l.Close()
	}
	require.NotNil(t, p)
	s.addr = netip.MustParseAddrPort(l.Addr().String())
	t.Cleanup(func() { l.Close(); p.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			go s.serve(c)
		}
	}()
	go s.serveUDP(p)
	return s
}

func (s *scripted) serve(c net.Conn) {
	defer c.Close()
	for {
		w := &dns.Conn{Conn: c, TsigSecret: map[string]string{dnsserver.Key + ".": dnsserver.Secret}}
		q, err := w.ReadMsg()
		if err != nil {
			return
		}
		s.reply(w, q)
	}
}

// packetConn answers one datagram as a connection would.
type packetConn struct {
	net.Conn
	p  net.PacketConn
	to net.Addr
}

func (c packetConn) Write(b []byte) (int, error) { return c.p.WriteTo(b[2:], c.to) }

func (s *scripted) serveUDP(p net.PacketConn) {
	for b := make([]byte, 4096); ; {
		n, from, err := p.ReadFrom(b)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		if q.Unpack(b[:n]) == nil {
			s.reply(&dns.Conn{Conn: packetConn{p: p, to: from}, TsigSecret: map[string]string{dnsserver.Key + ".": dnsserver.Secret}}, q)
		}
	}
}

// sign answers with a signature, made with a secret.
func sign(c *dns.Conn, q, r *dns.Msg, secret string, change func(*dns.TSIG)) {
	t := q.IsTsig()
	r.SetTsig(t.Hdr.Name, t.Algorithm, fudge, time.Now().Unix())
	if change != nil {
		change(r.IsTsig())
	}
	b, _, err := dns.TsigGenerate(r, secret, t.MAC, false)
	if err == nil {
		_, _ = c.Write(b)
	}
}

func answered(q *dns.Msg, rcode int) *dns.Msg { return new(dns.Msg).SetRcode(q, rcode) }

// code answers, signed, with an RCODE.
func code(rcode int) func(*dns.Conn, *dns.Msg) {
	return func(c *dns.Conn, q *dns.Msg) { sign(c, q, answered(q, rcode), dnsserver.Secret, nil) }
}

func (s *scripted) server() server {
	return server{addr: s.addr, key: dnsserver.Key, algorithm: dnsserver.Algorithm, secret: dnsserver.Secret}
}

func sample(t testing.TB) update {
	want := recs(t, "60 A 192.0.2.1; 60 AAAA 2001:db8::1; 60 DHCID x")
	return update{zone: dnsserver.Forward, names: []string{"a.example.org"}, steps: plan("a.example.org", nil, nil, want)[:1]}
}

func testSender() *sender {
	t := quick
	t.reply = 300 * time.Millisecond
	return newSender(&t)
}

func TestSendJudges(t *testing.T) {
	t.Parallel()
	plain := func(rcode int) func(*dns.Conn, *dns.Msg) {
		return func(c *dns.Conn, q *dns.Msg) { _ = c.WriteMsg(answered(q, rcode)) }
	}
	tsigError := func(rcode uint16) func(*dns.Conn, *dns.Msg) {
		return func(c *dns.Conn, q *dns.Msg) {
			sign(c, q, answered(q, dns.RcodeNotAuth), dnsserver.Secret, func(t *dns.TSIG) { t.Error = rcode })
		}
	}
	for what, c := range map[string]struct {
		reply   func(*dns.Conn, *dns.Msg)
		verdict verdict
		code    string
		replied bool
		late    bool
	}{
		"done":                   {code(dns.RcodeSuccess), done, "NOERROR", true, false},
		"name in use":            {code(dns.RcodeYXDomain), unmet, "YXDOMAIN", true, false},
		"RRset there":            {code(dns.RcodeYXRrset), unmet, "YXRRSET", true, false},
		"RRset not there":        {code(dns.RcodeNXRrset), unmet, "NXRRSET", true, false},
		"name not there":         {code(dns.RcodeNameError), unmet, "NXDOMAIN", true, false},
		"malformed":              {code(dns.RcodeFormatError), unfit, "FORMERR", true, false},
		"outside the zone":       {code(dns.RcodeNotZone), unfit, "NOTZONE", true, false},
		"no updates":             {code(dns.RcodeNotImplemented), unfit, "NOTIMP", true, false},
		"refused":                {code(dns.RcodeRefused), refused, "REFUSED", true, false},
		"server failure":         {code(dns.RcodeServerFailure), refused, "SERVFAIL", true, false},
		"not its zone":           {code(dns.RcodeNotAuth), noAnswer, "NOTAUTH", true, false},
		"another code":           {code(dns.RcodeStatefulTypeNotImplemented), noAnswer, "OTHER", true, false},
		"no code at all":         {code(14), noAnswer, "OTHER", true, false},
		"refused, not signed":    {plain(dns.RcodeRefused), refused, "REFUSED", true, false},
		"failure, not signed":    {plain(dns.RcodeServerFailure), refused, "SERVFAIL", true, false},
		"done, not signed":       {plain(dns.RcodeSuccess), noAnswer, "BADREPLY", true, false},
		"in use, not signed":     {plain(dns.RcodeYXDomain), noAnswer, "BADREPLY", true, false},
		"malformed, not signed":  {plain(dns.RcodeFormatError), noAnswer, "BADREPLY", true, false},
		"key unknown":            {tsigError(dns.RcodeBadKey), noAnswer, "BADKEY", true, false},
		"signature wrong":        {tsigError(dns.RcodeBadSig), noAnswer, "BADSIG", true, false},
		"clocks differ":          {tsigError(dns.RcodeBadTime), noAnswer, "BADTIME", true, false},
		"another error of a key": {tsigError(dns.RcodeBadTrunc), noAnswer, "OTHER", true, false},
		"signed by somebody else": {func(c *dns.Conn, q *dns.Msg) {
			sign(c, q, answered(q, dns.RcodeSuccess), "c29tZWJvZHkgZWxzZQ==", nil)
		}, noAnswer, "BADREPLY", true, false},
		"signed long ago": {func(c *dns.Conn, q *dns.Msg) {
			sign(c, q, answered(q, dns.RcodeSuccess), dnsserver.Secret, func(t *dns.TSIG) { t.TimeSigned -= 2 * fudge })
		}, noAnswer, "BADREPLY", true, false},
		"another id": {func(c *dns.Conn, q *dns.Msg) {
			r := answered(q, dns.RcodeSuccess)
			r.Id++
			sign(c, q, r, dnsserver.Secret, nil)
		}, noAnswer, "NETWORK", false, false},
		"a query's reply": {func(c *dns.Conn, q *dns.Msg) {
			r := answered(q, dns.RcodeSuccess)
			r.Opcode = dns.OpcodeQuery
			sign(c, q, r, dnsserver.Secret, nil)
		}, noAnswer, "BADREPLY", true, false},
		"the message itself": {func(c *dns.Conn, q *dns.Msg) { _ = c.WriteMsg(q) }, noAnswer, "BADREPLY", true, false},
		"rubbish":            {func(c *dns.Conn, _ *dns.Msg) { _, _ = c.Conn.Write([]byte{0, 2, 1, 2}) }, noAnswer, "NETWORK", false, false},
		"half a reply":       {func(c *dns.Conn, _ *dns.Msg) { _, _ = c.Conn.Write([]byte{0, 99, 1, 2}); c.Close() }, noAnswer, "NETWORK", false, false},
		"closed":             {func(c *dns.Conn, _ *dns.Msg) { c.Close() }, noAnswer, "NETWORK", false, false},
		"silence":            {func(*dns.Conn, *dns.Msg) {}, noAnswer, "TIMEOUT", false, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t, c.reply)
			a := testSender().send(t.Context(), s.server(), sample(t))
			require.Equal(t, c.code, a.code, "%v", a.err)
			require.Equal(t, c.verdict, a.verdict)
			require.Equal(t, c.replied, a.replied)
			require.Equal(t, c.late, a.late)
			require.Equal(t, a.code == "BADREPLY" || !a.replied, a.unknown)
			require.Equal(t, c.verdict == done, a.err == nil)
			require.Contains(t, codes, a.code)
			if a.err != nil {
				require.NotContains(t, a.err.Error(), dnsserver.Secret)
			}
		})
	}
}

// One connection serves many messages, each signed by itself; one that the
// server has closed is replaced at once.
func TestSendKeepsConnections(t *testing.T) {
	t.Parallel()
	var bad, n atomic.Int32
	s := newScripted(t, nil)
	s.reply = func(c *dns.Conn, q *dns.Msg) {
		if b, err := q.Copy().Pack(); err != nil || len(b) == 0 {
			bad.Add(1)
		}
		code(dns.RcodeSuccess)(c, q)
		if n.Add(1) == 5 {
			c.Close()
		}
	}
	send := testSender()
	for range 10 {
		require.Equal(t, done, send.send(t.Context(), s.server(), sample(t)).verdict)
	}
	require.EqualValues(t, 2, s.conns.Load())
	require.Zero(t, bad.Load())
	send.tidy(time.Hour)
	require.Len(t, send.kept, 1)
	send.tidy(0)
	require.Empty(t, send.kept)
	require.Equal(t, done, send.send(t.Context(), s.server(), sample(t)).verdict)
	require.EqualValues(t, 3, s.conns.Load())
}

func TestSendUDP(t *testing.T) {
	t.Parallel()
	var udp, tcp atomic.Int32
	var truncate atomic.Bool
	s := newScripted(t, func(c *dns.Conn, q *dns.Msg) {
		r := answered(q, dns.RcodeSuccess)
		if _, ok := c.Conn.(packetConn); ok {
			udp.Add(1)
			r.Truncated = truncate.Load()
		} else {
			tcp.Add(1)
		}
		sign(c, q, r, dnsserver.Secret, nil)
	})
	srv := s.server()
	srv.udp = true
	send := testSender()
	require.Equal(t, done, send.send(t.Context(), srv, sample(t)).verdict)
	require.Equal(t, []int32{1, 0}, []int32{udp.Load(), tcp.Load()})
	truncate.Store(true)
	require.Equal(t, done, send.send(t.Context(), srv, sample(t)).verdict)
	require.Equal(t, []int32{2, 1}, []int32{udp.Load(), tcp.Load()}, "truncated: once more by TCP")
	long := sample(t)
	for i := range 40 {
		long.names = append(long.names, strings.Repeat("a", i+1)+".example.org")
		long.steps = append(long.steps, long.steps[0])
	}
	require.Equal(t, done, send.send(t.Context(), srv, long).verdict)
	require.Equal(t, []int32{2, 2}, []int32{udp.Load(), tcp.Load()}, "too long for UDP")
}

func TestSendRefusesToSend(t *testing.T) {
	t.Parallel()
	s := newScripted(t, code(dns.RcodeSuccess))
	send := testSender()
	huge := sample(t)
	for range 1000 {
		huge.names = append(huge.names, "a.example.org")
		huge.steps = append(huge.steps, huge.steps[0])
	}
	srv := s.server()
	srv.secret = "no base64!"
	for _, a := range []answer{
		send.send(t.Context(), s.server(), huge),
		send.send(t.Context(), s.server(), update{zone: "example.org", names: []string{"a.example.org"}, steps: []step{{changes: adds(records{{60, "TXT", "x"}})}}}),
		send.send(t.Context(), s.server(), update{zone: "example.org", names: []string{"a.example.org"}, steps: []step{{prereqs: []prereq{isOnly(record{60, "TXT", "x"})}}}}),
	} {
		require.Equal(t, unfit, a.verdict)
		require.Equal(t, "UNSENT", a.code)
	}
	bad := send.send(t.Context(), srv, sample(t))
	require.Equal(t, answer{verdict: noAnswer, code: "UNSENT", err: bad.err, replied: true}, bad, "the server's trouble, not the name's")
	require.NotContains(t, bad.err.Error(), srv.secret)
	require.Zero(t, s.conns.Load())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, noAnswer, send.send(ctx, s.server(), sample(t)).verdict)
	nobody := s.server()
	nobody.addr = netip.AddrPortFrom(nobody.addr.Addr(), 1)
	a := send.send(t.Context(), nobody, sample(t))
	require.Equal(t, answer{verdict: noAnswer, code: "NETWORK", err: a.err}, a)
}

// The end of the process ends a wait for a reply.
func TestSendEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := newScripted(t, func(*dns.Conn, *dns.Msg) { cancel() })
	slow := usual
	slow.reply = time.Hour
	require.Equal(t, noAnswer, newSender(&slow).send(ctx, s.server(), sample(t)).verdict)
}

// Every algorithm signs as BIND expects it; an unsigned update works where the
// server lets it.
func TestSendUnsigned(t *testing.T) {
	t.Parallel()
	s := newScripted(t, func(c *dns.Conn, q *dns.Msg) {
		if q.IsTsig() == nil {
			_ = c.WriteMsg(answered(q, dns.RcodeSuccess))
		}
	})
	a := testSender().send(t.Context(), server{addr: s.addr}, sample(t))
	require.Equal(t, done, a.verdict, "%v", a.err)
}
