package frontend

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// loopback4 starts a server for relays on a loopback port.
func loopback4(t *testing.T, leaser Leaser, edit func(*Config)) (*Server, netip.AddrPort) {
	t.Helper()
	cfg := Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Leaser: leaser, Members: members4{}, Workers: 4,
		Listen4: []ListenConfig{{Kind: ListenUDP, Address: netip.MustParseAddrPort("127.0.0.1:0")}},
	}
	if edit != nil {
		edit(&cfg)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	c, err := parseConfig4("link\n subnet 192.0.2.0/24 relay=127.0.0.1\n pool 192.0.2.10 192.0.2.99")
	require.NoError(t, err)
	require.NoError(t, s.SetConfig(c))
	require.NoError(t, s.Start(context.Background()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	addrs := s.LocalAddrs()
	require.Len(t, addrs, len(cfg.Listen4))
	return s, addrs[0]
}

// relay4 is a relay on a port of its own.
func relay4(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return c
}

func exchange4(t *testing.T, relay *net.UDPConn, to netip.AddrPort, text string) message4 {
	t.Helper()
	_, err := relay.WriteToUDPAddrPort(encode4(t, text+"\n giaddr 127.0.0.1\n 82.19"), to)
	require.NoError(t, err)
	buf := make([]byte, 1500)
	n, from, err := relay.ReadFromUDPAddrPort(buf)
	require.NoError(t, err)
	require.Equal(t, to, from, "the reply comes from where the packet went")
	return decodeReply4(t, buf[:n])
}

func TestRelayedClientOverLoopback(t *testing.T) {
	t.Parallel()
	s, at := loopback4(t, newModel4(), nil)
	relay := relay4(t)
	m := exchange4(t, relay, at, "DISCOVER")
	require.Equal(t, "OFFER", m.kind)
	require.Equal(t, "127.0.0.1", m.addr(54))
	m = exchange4(t, relay, at, "REQUEST\n 50 addr "+m.yiaddr+"\n 54 addr 127.0.0.1")
	require.Equal(t, "ACK", m.kind)
	require.Eventually(t, func() bool {
		return testutil.ToFloat64(s.metrics.sent.WithLabelValues("v4", "ack")) == 1
	}, 5*time.Second, time.Millisecond)
	ids, err := s.ServerIDs()
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, ids)
}

func TestWildcardSocketAnswersFromTheAddressAsked(t *testing.T) {
	t.Parallel()
	s, at := loopback4(t, newModel4(), func(c *Config) { c.Listen4[0].Address = netip.MustParseAddrPort("0.0.0.0:0") })
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.77"), at.Port())
	m := exchange4(t, relay4(t), to, "DISCOVER")
	require.Equal(t, "127.0.0.77", m.addr(54))
	ids, err := s.ServerIDs()
	require.NoError(t, err)
	require.Contains(t, ids, netip.MustParseAddr("127.0.0.1"))
}

func TestTooLongPacketIsCounted(t *testing.T) {
	t.Parallel()
	s, at := loopback4(t, newModel4(), nil)
	relay := relay4(t)
	_, err := relay.WriteToUDPAddrPort(make([]byte, maxPacket+1), at)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return testutil.ToFloat64(s.metrics.drops.WithLabelValues("v4", string(ReasonTruncated))) == 1
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, "OFFER", exchange4(t, relay, at, "DISCOVER").kind)
}

// TestShutdownFinishesPacketsInFlight has packets wait in the Leaser, one of
// them for a newer configuration, while Shutdown begins.
func TestShutdownFinishesPacketsInFlight(t *testing.T) {
	t.Parallel()
	model, entered, release := newModel4(), make(chan struct{}, 8), make(chan struct{})
	s, at := loopback4(t, leaserFunc(func(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
		if r.Revision == 1 {
			entered <- struct{}{}
			<-release
		}
		return model.Do(ctx, r)
	}), func(c *Config) { c.Deadline = 20 * time.Second })
	relay := relay4(t)
	for _, hw := range []string{"02005e100001", "02005e100002", "02005e100003", "02005e100004", "02005e100005", "02005e100006"} {
		_, err := relay.WriteToUDPAddrPort(encode4(t, "DISCOVER\n hw "+hw+"\n giaddr 127.0.0.1\n 82.19"), at)
		require.NoError(t, err)
	}
	for range s.queue.most {
		<-entered
	}
	require.Eventually(t, func() bool { fresh, _ := s.queue.len(); return fresh == 6-s.queue.most }, 5*time.Second, time.Millisecond)
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	<-s.stopped
	close(release)
	done.Wait()
	buf := make([]byte, 1500)
	for range 6 {
		_, _, err := relay.ReadFromUDPAddrPort(buf)
		require.NoError(t, err, "every packet that came in is answered")
	}
}

func TestShutdownWhilePacketsWaitForAConfiguration(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	s, at := loopback4(t, leaserFunc(func(_ context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
		close(entered)
		return &sqlstore.Decision{Revision: 2, Results: []sqlstore.Result{{Code: sqlstore.Exhausted}}}, nil
	}), func(c *Config) { c.Deadline = time.Minute })
	_, err := relay4(t).WriteToUDPAddrPort(encode4(t, "DISCOVER\n giaddr 127.0.0.1"), at)
	require.NoError(t, err)
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.DeadlineExceeded)
	require.EqualValues(t, 1, testutil.ToFloat64(s.metrics.drops.WithLabelValues("v4", string(ReasonConfigBehind))))
	require.NoError(t, s.Shutdown(context.Background()), "a second call does nothing")
}

func TestStartNamesTheSocketThatFails(t *testing.T) {
	t.Parallel()
	taken := relay4(t).LocalAddr().(*net.UDPAddr).AddrPort()
	s, err := New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Leaser: newModel4(), Members: members4{},
		Listen4: []ListenConfig{{Kind: ListenUDP, Address: netip.MustParseAddrPort("127.0.0.1:0")}, {Kind: ListenUDP, Address: taken}},
	})
	require.NoError(t, err)
	err = s.Start(context.Background())
	require.ErrorContains(t, err, taken.String())
	require.ErrorContains(t, err, "is another DHCP server running?")
	require.Empty(t, s.LocalAddrs())
	require.Error(t, s.Start(context.Background()))
	require.NoError(t, s.Shutdown(context.Background()))

	s, err = New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Leaser: newModel4(), Members: members4{},
		Listen4: []ListenConfig{{Kind: ListenInterface, Interface: "absent0"}},
	})
	require.NoError(t, err)
	require.ErrorContains(t, s.Start(context.Background()), "interface absent0")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := func() Config {
		return Config{
			Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Leaser: newModel4(), Members: members4{},
			Listen4: []ListenConfig{{Kind: ListenUDP, Address: netip.MustParseAddrPort("192.0.2.1:67")}, {Kind: ListenInterface, Interface: "eth0"}},
			Listen6: []ListenConfig{{Kind: ListenUDP, Address: netip.MustParseAddrPort("[2001:db8::1]:547")}},
		}
	}
	c := good()
	require.NoError(t, c.Validate())
	for want, edit := range map[string]func(*Config){
		"logger: missing":                  func(c *Config) { c.Logger = nil },
		"registerer: missing":              func(c *Config) { c.Registerer = nil },
		"leaser: missing":                  func(c *Config) { c.Leaser = nil },
		"members: missing":                 func(c *Config) { c.Members = nil },
		"workers: -1 is negative":          func(c *Config) { c.Workers = -1 },
		"queue_len: -1 is negative":        func(c *Config) { c.QueueLen = -1 },
		"deadline: -1s is negative":        func(c *Config) { c.Deadline = -time.Second },
		"listen4[1]: kind interface needs": func(c *Config) { c.Listen4[1].Interface = "" },
		"listen4[1]: kind interface takes": func(c *Config) { c.Listen4[1].Address = netip.MustParseAddrPort("192.0.2.1:67") },
		"listen4[0]: address":              func(c *Config) { c.Listen4[0].Address = netip.MustParseAddrPort("[2001:db8::1]:67") },
		"listen4[0]: kind udp takes no":    func(c *Config) { c.Listen4[0].Interface = "eth0" },
		"listen4[0]: kind \"tcp\"":         func(c *Config) { c.Listen4[0].Kind = "tcp" },
		"listen6[0]: address":              func(c *Config) { c.Listen6[0].Address = netip.MustParseAddrPort("192.0.2.1:547") },
	} {
		c := good()
		edit(&c)
		require.ErrorContains(t, c.Validate(), want)
		_, err := New(c)
		require.ErrorContains(t, err, want)
	}
}
