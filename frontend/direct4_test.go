//go:build linux

package frontend

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	afpacket "github.com/mdlayher/packet"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// link4 makes two network namespaces joined by a pair of interfaces, srv4
// (192.0.2.1/24) and cli4. It moves the calling goroutine into the first;
// asClient runs a function in the second. What it made ends with the test.
func link4(t *testing.T) (asClient func(func()), client netns.NsHandle) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("ROWLOCK_TEST_REQUIRE") == "1" {
			t.Fatal("network namespaces need root")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread() // for good: the thread ends with the test's goroutine
	client, err := netns.New()
	require.NoError(t, err)
	server, err := netns.New()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
	})
	asClient = func(f func()) {
		require.NoError(t, netns.Set(client))
		defer func() { require.NoError(t, netns.Set(server)) }()
		f()
	}
	addPair4(t, client)
	asClient(func() { addAddr4(t, "cli4", "") })
	return asClient, client
}

func addPair4(t *testing.T, client netns.NsHandle) {
	t.Helper()
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "srv4"}, PeerName: "cli4", PeerNamespace: netlink.NsFd(client),
	}))
	addAddr4(t, "srv4", "192.0.2.1/24")
}

// addAddr4 brings an interface up and gives it an address unless that is empty.
func addAddr4(t *testing.T, name, addr string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(link))
	if addr == "" {
		return
	}
	a, err := netlink.ParseAddr(addr)
	require.NoError(t, err)
	require.NoError(t, netlink.AddrAdd(link, a))
}

// wire4 is a client's end of the link: frames in and out.
type wire4 struct {
	c  *afpacket.Conn
	hw net.HardwareAddr
}

func newWire4(t *testing.T) *wire4 {
	t.Helper()
	awaitLink(t, "cli4")
	i, err := net.InterfaceByName("cli4")
	require.NoError(t, err)
	c, err := afpacket.Listen(i, afpacket.Raw, unix.ETH_P_IP, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return &wire4{c: c, hw: i.HardwareAddr}
}

// awaitLink waits until frames pass an interface: the kernel takes up to a second
// after both ends are up, and more on a busy machine.
func awaitLink(t *testing.T, name string) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // on this thread, which is in the namespace
		link, err := netlink.LinkByName(name)
		require.NoError(t, err)
		if link.Attrs().OperState == netlink.OperUp {
			return
		}
		require.Less(t, time.Now(), until, "%s is not up", name)
	}
}

// broadcast sends a message from 0.0.0.0 to everybody, as a client without an
// address does.
func (w *wire4) broadcast(t *testing.T, text string) {
	t.Helper()
	frame := frameOf(encode4(t, text+"\n hw "+w.hw.String()), "0.0.0.0:68", "255.255.255.255:67")
	copy(frame[6:], w.hw)
	_, err := w.c.WriteTo(frame, &afpacket.Addr{HardwareAddr: broadcastHW})
	require.NoError(t, err)
}

// receive returns the next message to a client, and whom the frame is for.
func (w *wire4) receive(t *testing.T) (m message4, hw net.HardwareAddr, dst netip.AddrPort) {
	t.Helper()
	buf := make([]byte, 2000)
	for {
		n, _, err := w.c.ReadFrom(buf)
		require.NoError(t, err)
		payload, src, dst, err := parseFrame(buf[:n])
		if err != nil || dst.Port() != 68 {
			continue
		}
		require.Equal(t, "192.0.2.1:67", src.String())
		return decodeReply4(t, payload), net.HardwareAddr(buf[:6]), dst
	}
}

// serveLink4 serves on srv4.
func serveLink4(t *testing.T) *Server {
	t.Helper()
	s, err := New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Leaser: newModel4(), Members: members4{}, Workers: 2, Deadline: 10 * time.Second, // a machine may be busy
		Listen4: []ListenConfig{{Kind: ListenInterface, Interface: "srv4"}},
	})
	require.NoError(t, err)
	c, err := parseConfig4("link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.99")
	require.NoError(t, err)
	require.NoError(t, s.SetConfig(c))
	require.NoError(t, s.Start(context.Background()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	return s
}

// TestInterfaceComesBack removes the interface and makes it anew. The looks
// are the test's own: those of the server's goroutine are in another namespace.
func TestInterfaceComesBack(t *testing.T) {
	asClient, client := link4(t)
	s := serveLink4(t)
	l := s.listeners[0]
	require.False(t, s.look(l, false))
	require.Empty(t, s.Gone())
	link, err := netlink.LinkByName("srv4")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkDel(link))
	require.True(t, s.look(l, false))
	require.Equal(t, []string{"srv4"}, s.Gone())
	before := l.iface.Load()

	addPair4(t, client)
	asClient(func() { addAddr4(t, "cli4", "") })
	require.False(t, s.look(l, true))
	require.Empty(t, s.Gone())
	require.NotEqual(t, before.index, l.iface.Load().index)
	var w *wire4
	asClient(func() { w = newWire4(t) })
	w.broadcast(t, "DISCOVER")
	m, _, _ := w.receive(t)
	require.Equal(t, "OFFER", m.kind)
}

// TestDirectLink4 has a client without an address get one over a real link and
// renew it by unicast (RFC 2131 section 4.1).
func TestDirectLink4(t *testing.T) {
	asClient, _ := link4(t)
	s := serveLink4(t)
	ids, err := s.ServerIDs()
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.1")}, ids)

	var w *wire4
	asClient(func() { w = newWire4(t) })
	w.broadcast(t, "DISCOVER")
	m, hw, dst := w.receive(t)
	require.Equal(t, "OFFER", m.kind)
	require.Equal(t, w.hw.String(), hw.String(), "unicast without ARP")
	require.Equal(t, "192.0.2.10:68", dst.String())

	w.broadcast(t, "REQUEST\n flags 8000\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1")
	m, hw, dst = w.receive(t)
	require.Equal(t, "ACK", m.kind)
	require.Equal(t, broadcastHW.String(), hw.String())
	require.Equal(t, "255.255.255.255:68", dst.String())

	// Only now the client has its address; the kernel answers ARP for it.
	asClient(func() { addAddr4(t, "cli4", "192.0.2.10/24") })
	frame := frameOf(encode4(t, "REQUEST\n ciaddr 192.0.2.10\n hw "+w.hw.String()), "192.0.2.10:68", "192.0.2.1:67")
	server, err := net.InterfaceByName("srv4")
	require.NoError(t, err)
	copy(frame, server.HardwareAddr)
	copy(frame[6:], w.hw)
	_, err = w.c.WriteTo(frame, &afpacket.Addr{HardwareAddr: server.HardwareAddr})
	require.NoError(t, err)
	m, hw, dst = w.receive(t)
	require.Equal(t, "ACK", m.kind, "a unicast renewal is answered once, by the UDP socket")
	require.Equal(t, w.hw.String(), hw.String())
	require.Equal(t, "192.0.2.10:68", dst.String())
	w.broadcast(t, "REQUEST\n ciaddr 192.0.2.200")
	m, _, _ = w.receive(t)
	require.Equal(t, "NAK", m.kind)
}
