package load

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// changed returns a copy of b with one byte changed.
func changed(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x55
	return b
}

func TestRunIgnoresHostileReplies(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log := &Log{}
		s := serve(t, family, newBook(), func(r *responder) {
			r.send = func(b []byte) [][]byte {
				out := [][]byte{nil, {0}, bytes.Repeat([]byte{0xff}, 2000), b[:len(b)/2]}
				if family == sqlstore.IPv4 {
					// Wrong xid, client, relay, magic cookie.
					out = append(out, changed(b, at4XID), changed(b, at4CHAddr+5), changed(b, at4GIAddr+3), changed(b, at4Cookie))
				} else {
					// Wrong link, peer; wrong type and id of the message inside.
					out = append(out, changed(b, 2), changed(b, 33), changed(b, 38), changed(b, 39))
				}
				return append(out, b)
			}
		})
		res := run(t, options(family, log, s))
		require.Equal(t, 200, res.Completed)
		require.Equal(t, 9*400, res.Received)
		dropped := 0
		for _, n := range res.Drops {
			dropped += n
		}
		require.Equal(t, 8*400, dropped, res.Drops)
		require.Len(t, log.Events(), leaseCount(options(family, log))*2)
		require.Empty(t, Verify(log.Events()))
	})
}

func TestRunCountsDuplicates(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log := &Log{}
		s := serve(t, family, newBook(), func(r *responder) {
			r.send = func(b []byte) [][]byte { return [][]byte{b, b, b} }
		})
		o := options(family, log, s)
		res := run(t, o)
		require.Equal(t, 200, res.Completed)
		require.Equal(t, 800, res.Duplicates)
		require.EqualValues(t, 200, res.Latency.Ack.Count(), "only the first answer is measured")
		require.Len(t, log.Events(), 6*leaseCount(o))
		require.Empty(t, Verify(log.Events()))
	})
}

func TestRunFindsAckOfAnotherAddress(t *testing.T) {
	t.Parallel()
	log := &Log{}
	s := serve(t, sqlstore.IPv4, newBook(), func(r *responder) {
		r.edit4 = func(_, rep *dhcpv4.DHCPv4) {
			if rep.MessageType() == dhcpv4.MessageTypeAck {
				rep.YourIPAddr = net.IPv4(192, 0, 3, rep.YourIPAddr.To4()[3])
			}
		}
	})
	run(t, options(sqlstore.IPv4, log, s))
	vs := Verify(log.Events())
	require.Len(t, vs, 200)
	require.Equal(t, OtherAddress, vs[0].Kind)
}

func TestRunFindsOneAddressForAll(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log := &Log{}
		s := serve(t, family, newBook(), func(r *responder) {
			r.edit4 = func(_, rep *dhcpv4.DHCPv4) { rep.YourIPAddr = net.IPv4(192, 0, 2, 1) }
			r.edit6 = func(_, rep *dhcpv6.Message) {
				rep.Options.OneIANA().Options.OneAddress().IPv6Addr = net.ParseIP("2001:db8::1")
			}
		})
		run(t, options(family, log, s))
		vs := Verify(log.Events())
		require.Len(t, vs, 199)
		for _, v := range vs {
			require.Equal(t, DoubleAllocation, v.Kind)
		}
	})
}

func TestRunIgnoresAdvertiseWithoutAddressRFC9915Section18_2_9(t *testing.T) {
	t.Parallel()
	s := serve(t, sqlstore.IPv6, newBook(), func(r *responder) {
		r.edit6 = func(_, rep *dhcpv6.Message) { rep.Options.Del(dhcpv6.OptionIANA) }
	})
	o := options(sqlstore.IPv6, &Log{}, s)
	o.Clients, o.Timeout, o.Tries = 10, 20*time.Millisecond, 2
	res := run(t, o)
	require.Equal(t, 10, res.Failures[failTimeout])
	require.Equal(t, 20, res.Unusable)
	require.Zero(t, res.Naks)
}

func TestRunDoesNotTakeAnswersToOtherMessages(t *testing.T) {
	t.Parallel()
	// An ACK to a DISCOVER, and a REPLY to a SOLICIT without rapid commit.
	families(t, func(t *testing.T, family sqlstore.Family) {
		s := serve(t, family, newBook(), func(r *responder) {
			r.edit4 = func(_, rep *dhcpv4.DHCPv4) { rep.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeAck)) }
			r.edit6 = func(_, rep *dhcpv6.Message) { rep.MessageType = dhcpv6.MessageTypeReply }
		})
		o := options(family, &Log{}, s)
		o.Clients, o.Timeout, o.Tries = 10, 20*time.Millisecond, 2
		res := run(t, o)
		require.Equal(t, 10, res.Failures[failTimeout])
		require.Equal(t, map[string]int{string(dropUnexpected): 20}, res.Drops)
	})
}

func TestRunSendsToRelayAddressRFC8357Section5_1(t *testing.T) {
	t.Parallel()
	// A relay address that this machine has is giaddr; another is the link
	// selection, and giaddr is where the answer can come to (RFC 3527).
	seen := map[string]string{}
	port := map[int]bool{}
	s := serve(t, sqlstore.IPv4, newBook(), func(r *responder) {
		r.seen4 = func(req *dhcpv4.DHCPv4, from int) {
			link := req.RelayAgentInfo().Get(dhcpv4.GenericOptionCode(sub4LinkSelection))
			seen[req.GatewayIPAddr.String()] = net.IP(link).String()
			port[from] = true
		}
	})
	o := options(sqlstore.IPv4, &Log{}, s)
	o.Relays[1].Addr = netip.MustParseAddr("203.0.113.9")
	require.Equal(t, 200, run(t, o).Completed)
	s.stop()
	require.Equal(t, map[string]string{"127.20.0.1": "<nil>", "127.0.0.1": "203.0.113.9"}, seen)
	require.Len(t, port, 1)
	for p := range port {
		require.Greater(t, p, 1023)
	}
}

func TestSendSurvivesRefusedSegments(t *testing.T) {
	t.Parallel()
	// A destination that cannot be sent to refuses every packet; then the
	// others still go out, one by one.
	s := serve(t, sqlstore.IPv4, newBook(), nil)
	c, err := listen(sqlstore.IPv4, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0"), s.addr})
	require.NoError(t, err)
	t.Cleanup(func() { c.close() })
	p := newV4(newIdentities(1), []gateway{{addr: netip.MustParseAddr("127.0.0.1")}}, false)
	for n := range 5 {
		c.queue(p.build(c.buffer(), &message{client: n}), -1)
	}
	c.flush()
	require.Equal(t, 5, c.sendErrors, "nothing can be sent to port 0")
	require.Equal(t, 5, c.sent)
	require.False(t, c.segments)
	for n := 0; n < 5; {
		packets, err := c.receive(5 * time.Second)
		require.NoError(t, err)
		require.NotEmpty(t, packets)
		n += len(packets)
	}
}
