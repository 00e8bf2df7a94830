//go:build linux

package netlab

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listen opens a UDP socket inside the node that sends every datagram back.
func listen(t *testing.T, n *Node, network, addr string) {
	t.Helper()
	var conn net.PacketConn
	require.NoError(t, n.Do(func() (err error) {
		conn, err = net.ListenPacket(network, addr)
		return err
	}))
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 64)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := conn.WriteTo(buf[:size], from); err != nil {
				return
			}
		}
	}()
}

// echo sends a datagram from inside the node and waits for it to come back.
func echo(t *testing.T, n *Node, network, addr string) {
	t.Helper()
	var conn net.Conn
	require.NoError(t, n.Do(func() (err error) {
		conn, err = net.Dial(network, addr)
		return err
	}))
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	_, err := conn.Write([]byte("hello"))
	require.NoError(t, err)
	buf := make([]byte, 64)
	size, err := conn.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf[:size]))
}

func TestPacketsCrossBridgeAndRouter(t *testing.T) {
	l := New(t, "tcpdump")
	client, lan, router, server := l.Node("client"), l.Node("lan"), l.Node("router"), l.Node("server")
	l.Link(client, "eth0", lan, "port0")
	l.Link(router, "down0", lan, "port1")
	l.Link(router, "up0", server, "eth0")
	lan.Bridge("br0", "port0", "port1")
	router.Forward()
	client.Addr("eth0", "192.0.2.10/25", "2001:db8:1::10/64")
	router.Addr("down0", "192.0.2.1/25", "2001:db8:1::1/64")
	router.Addr("up0", "192.0.2.129/25", "2001:db8:2::1/64")
	server.Addr("eth0", "192.0.2.130/25", "2001:db8:2::2/64")
	client.Route("0.0.0.0/0", "192.0.2.1")
	client.Route("::/0", "2001:db8:1::1")
	server.Route("192.0.2.0/25", "192.0.2.129")
	server.Route("2001:db8:1::/64", "2001:db8:2::1")
	server.Capture("eth0")
	listen(t, server, "udp4", "192.0.2.130:7777")
	listen(t, server, "udp6", "[2001:db8:2::2]:7777")
	echo(t, client, "udp4", "192.0.2.130:7777")
	echo(t, client, "udp6", "[2001:db8:2::2]:7777")

	addrs, err := server.Addrs("eth0")
	require.NoError(t, err)
	require.ElementsMatch(t, []netip.Prefix{
		netip.MustParsePrefix("192.0.2.130/25"), netip.MustParsePrefix("2001:db8:2::2/64"),
	}, addrs)
	l.Eventually(5*time.Second, "capture", func() error {
		info, err := os.Stat(l.Path("server-eth0.pcap"))
		if err == nil && info.Size() < 200 {
			err = errors.New("nothing recorded yet")
		}
		return err
	})
}

func TestProcessesEndWithTheLab(t *testing.T) {
	var dir string
	var pid int
	t.Run("lab", func(t *testing.T) {
		l := New(t)
		dir = l.dir
		p := l.Node("host").Start("sleep", "sleep", "1000")
		pid = p.PID()
		require.NoError(t, syscall.Kill(pid, 0))
	})
	if pid == 0 {
		t.Skip("the lab was skipped")
	}
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	require.NoDirExists(t, dir)
}

func TestProgramRunsInsideTheNode(t *testing.T) {
	l := New(t, "ip")
	n := l.Node("host")
	out, err := n.Run("ip", "-br", "link")
	require.NoError(t, err)
	require.Contains(t, out, "lo")
	require.NotContains(t, out, "eth", "interfaces of the machine are not seen")
	_, err = n.Run("ip", "link", "show", "nothere")
	require.ErrorContains(t, err, "nothere")
}

func TestPrivateFoldersStayInTheNode(t *testing.T) {
	l := New(t, "sh")
	n, other := l.Node("host"), l.Node("other")
	dir := n.Private("/var/lib")
	_, err := n.Run("sh", "-c", "echo kept >/var/lib/rowlock-netlab-test")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "rowlock-netlab-test"))
	require.NoError(t, err)
	require.Equal(t, "kept\n", string(text))
	require.NoFileExists(t, "/var/lib/rowlock-netlab-test")
	_, err = other.Run("sh", "-c", "test -e /var/lib/rowlock-netlab-test")
	require.Error(t, err, "the folder of one node is not seen in another")
}

func TestInterfacesOfTheNodeAreInSys(t *testing.T) {
	l := New(t, "sh")
	out, err := l.Node("host").Run("sh", "-c", "echo /sys/class/net/*")
	require.NoError(t, err)
	require.Contains(t, out, "/sys/class/net/lo")
	require.NotContains(t, out, "eth", "interfaces of the machine are not seen")
}

func TestPluggedPortLeavesItsBridge(t *testing.T) {
	l := New(t)
	client, lan, one, two := l.Node("client"), l.Node("lan"), l.Node("one"), l.Node("two")
	l.Link(client, "eth0", lan, "port0")
	l.Link(one, "eth0", lan, "port1")
	l.Link(two, "eth0", lan, "port2")
	require.Equal(t, "00:00:5e:00:53:80", client.HWAddr("eth0").String())
	require.Equal(t, "00:00:5e:00:53:82", one.HWAddr("eth0").String())
	lan.Bridge("br1", "port0", "port1")
	lan.Bridge("br2", "port2")
	client.Addr("eth0", "192.0.2.10/24")
	one.Addr("eth0", "192.0.2.1/24")
	two.Addr("eth0", "192.0.2.1/24")
	listen(t, two, "udp4", "192.0.2.1:7777")
	lan.Plug("br2", "port0")
	echo(t, client, "udp4", "192.0.2.1:7777")
}
