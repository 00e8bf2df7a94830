package doctor

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// fakeHost is a machine out of files: a /proc of its own.
type fakeHost struct {
	t    *testing.T
	proc string
	all  []Interface
}

func newHost(t *testing.T) *fakeHost {
	t.Helper()
	h := &fakeHost{t: t, proc: t.TempDir()}
	h.file("self/status", "Name:\trowlock\nCapEff:\t0000000000002400\n") // both
	h.file("sys/net/core/rmem_max", "4194304\n")
	h.file("sys/net/ipv4/conf/all/rp_filter", "0\n")
	h.file("sys/net/ipv4/ip_unprivileged_port_start", "1024\n")
	for _, f := range []string{"udp", "udp6", "tcp", "tcp6"} {
		h.file("net/"+f, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n")
	}
	h.all = []Interface{
		{Name: "lo", Up: true, Addrs: addrs("127.0.0.1", "::1")},
		{Name: "eth0", Up: true, Ethernet: true, Addrs: addrs("192.0.2.1", "2001:db8::1", "fe80::1")},
	}
	return h
}

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func (h *fakeHost) file(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.proc, name)
	require.NoError(h.t, os.MkdirAll(filepath.Dir(path), 0o700))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(h.t, err)
	_, err = f.WriteString(text)
	require.NoError(h.t, err)
	require.NoError(h.t, f.Close())
}

// socket adds a bound socket, and a process that has it open if pid is not 0.
func (h *fakeHost) socket(file, local, state string, inode, pid int, command string, drops int) {
	h.t.Helper()
	h.file("net/"+file, fmt.Sprintf("  12: %s 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0        0 %d 2 0000000000000000 %d\n", local, state, inode, drops))
	if pid == 0 {
		return
	}
	dir := strconv.Itoa(pid)
	h.file(dir+"/comm", command+"\n")
	h.file(dir+"/status", "CapEff:\t0000000000000000\n")
	require.NoError(h.t, os.MkdirAll(filepath.Join(h.proc, dir, "fd"), 0o700))
	require.NoError(h.t, os.Symlink(fmt.Sprintf("socket:[%d]", inode), filepath.Join(h.proc, dir, "fd", "7")))
}

func (h *fakeHost) host() Host {
	return Host{
		Proc: h.proc, Now: time.Now,
		Interfaces: func() ([]Interface, error) { return h.all, nil },
		Route: func(to netip.Addr) (netip.Addr, error) {
			if to == netip.MustParseAddr("203.0.113.9") {
				return netip.Addr{}, errors.New("network is unreachable")
			}
			return netip.MustParseAddr("192.0.2.1"), nil
		},
	}
}

// look examines the host alone and returns what is not good, by id.
func (h *fakeHost) look(c Config, relays ...string) (map[string]sqlstore.FindingStatus, sqlstore.Findings) {
	h.t.Helper()
	c.Host = h.host()
	d := &doctor{Config: c}
	d.interfaces()
	d.ports()
	d.capabilities()
	d.kernel()
	d.relays(addrs(relays...))
	out := map[string]sqlstore.FindingStatus{}
	for _, f := range d.found {
		require.NotEmpty(h.t, f.Text)
		require.Equal(h.t, f.Status == sqlstore.FindingOK, f.Advice == "", "%+v", f)
		if f.Status != sqlstore.FindingOK {
			out[f.ID] = max(out[f.ID], f.Status)
		}
	}
	return out, d.found
}

var (
	onEth0  = Listen{Key: "listen.dhcp4[0]", Family: sqlstore.IPv4, Interface: "eth0", Port: 67}
	onEth0v = Listen{Key: "listen.dhcp6[0]", Family: sqlstore.IPv6, Interface: "eth0", Port: 547}
	onAddr  = Listen{Key: "listen.dhcp4[0]", Family: sqlstore.IPv4, Address: netip.MustParseAddr("192.0.2.1"), Port: 67}
	onAll   = Listen{Key: "listen.dhcp4", Family: sqlstore.IPv4, Address: netip.IPv4Unspecified(), Port: 67}
)

func TestHealthyHost(t *testing.T) {
	bad, all := newHost(t).look(Config{Listen: []Listen{onEth0, onEth0v, onAddr, onAll}, Health: "127.0.0.1:9867", ReadBuffer: 4 << 20}, "198.51.100.1")
	require.Empty(t, bad)
	var ids []string
	for _, f := range all {
		ids = append(ids, f.ID)
	}
	for _, want := range []string{
		"interface.eth0.present", "interface.eth0.up", "interface.eth0.address4", "interface.eth0.address6", "address.192.0.2.1.present",
		"port.67", "port.547", "port.9867", "capability.net_raw", "capability.net_bind_service", "kernel.receive_buffer", "kernel.rp_filter",
		"relay.198.51.100.1.route",
	} {
		require.Contains(t, ids, want)
	}
}

func TestInterfaces(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Interface)
		listen Listen
		id     string
	}{
		"gone":          {func(i *Interface) { i.Name = "eth1" }, onEth0, "interface.eth0.present"},
		"down":          {func(i *Interface) { i.Up = false }, onEth0, "interface.eth0.up"},
		"not Ethernet":  {func(i *Interface) { i.Ethernet = false }, onEth0, "interface.eth0.ethernet"},
		"no IPv4":       {func(i *Interface) { i.Addrs = addrs("2001:db8::1") }, onEth0, "interface.eth0.address4"},
		"no link-local": {func(i *Interface) { i.Addrs = addrs("192.0.2.1", "2001:db8::1") }, onEth0v, "interface.eth0.address6"},
		"no address":    {func(i *Interface) { i.Addrs = nil }, onAddr, "address.192.0.2.1.present"},
	} {
		h := newHost(t)
		c.change(&h.all[1])
		bad, _ := h.look(Config{Listen: []Listen{c.listen}})
		require.Equal(t, map[string]sqlstore.FindingStatus{c.id: sqlstore.FindingProblem}, bad, name)
	}
	h := newHost(t)
	h.all[1].Ethernet = false
	bad, _ := h.look(Config{Listen: []Listen{onEth0v}})
	require.Empty(t, bad, "DHCPv6 needs no Ethernet")
	refused := Config{Listen: []Listen{onEth0}, LinksRefused: errors.New("not on this system")}
	bad, _ = newHost(t).look(refused)
	require.Equal(t, map[string]sqlstore.FindingStatus{"interface.eth0.system": sqlstore.FindingProblem}, bad)
}

// Who has a port is found by the inode of its socket.
func TestPorts(t *testing.T) {
	const any67, local67, lo68 = "00000000:0043", "0100007F:0043", "0100007F:0044"
	for name, c := range map[string]struct {
		local, command string
		pid            int
		want           map[string]sqlstore.FindingStatus
	}{
		"ours":          {any67, "rowlock", 70, nil},
		"another":       {any67, "dnsmasq", 70, map[string]sqlstore.FindingStatus{"port.67": sqlstore.FindingProblem}},
		"nobody":        {any67, "", 0, map[string]sqlstore.FindingStatus{"port.67": sqlstore.FindingWarning}},
		"other address": {local67, "dnsmasq", 70, nil},
		"other port":    {lo68, "dhclient", 70, nil},
	} {
		h := newHost(t)
		h.socket("udp", c.local, "07", 4711, c.pid, c.command, 0)
		h.socket("udp6", "00000000000000000000000000000000:0043", "07", 4712, 71, "other", 0)
		listen := onAddr
		listen.Port = 67
		bad, _ := h.look(Config{Listen: []Listen{listen}})
		delete(bad, "capability.net_bind_service") // of the server found
		if c.want == nil {
			require.Empty(t, bad, name)
		} else {
			require.Equal(t, c.want, bad, name)
		}
	}
}

func TestPortOfHealth(t *testing.T) {
	h := newHost(t)
	h.socket("tcp", "0100007F:268B", "01", 1, 80, "curl", 0) // a connection
	bad, _ := h.look(Config{Health: "127.0.0.1:9867"})
	require.Empty(t, bad)
	h.socket("tcp", "0100007F:268B", "0A", 2, 81, "nginx", 0)
	bad, all := h.look(Config{Health: "127.0.0.1:9867"})
	require.Equal(t, map[string]sqlstore.FindingStatus{"port.9867": sqlstore.FindingProblem}, bad)
	require.Contains(t, fmt.Sprint(all), "nginx, pid 81")
	bad, _ = h.look(Config{Health: "off"})
	require.Empty(t, bad)
	bad, all = h.look(Config{Health: "off", Admin: "127.0.0.1:9867"})
	require.Equal(t, map[string]sqlstore.FindingStatus{"port.9867": sqlstore.FindingProblem}, bad)
	require.Contains(t, fmt.Sprint(all), "listen.admin")
}

// What the running server may do counts, not what this process may.
func TestCapabilities(t *testing.T) {
	h := newHost(t)
	h.socket("udp", "00000000:0043", "07", 4711, 70, "rowlock", 12)
	bad, all := h.look(Config{Listen: []Listen{onEth0}})
	require.Equal(t, map[string]sqlstore.FindingStatus{
		"capability.net_raw": sqlstore.FindingWarning, "capability.net_bind_service": sqlstore.FindingWarning, "port.67.drops": sqlstore.FindingNote,
	}, bad)
	require.Contains(t, fmt.Sprint(all), "the server (pid 70) lacks CAP_NET_RAW")
	relayed := onAddr
	relayed.Port = 6767
	bad, _ = h.look(Config{Listen: []Listen{relayed}})
	require.Empty(t, bad, "a high port and no frames")
	h.file("sys/net/ipv4/conf/eth0/rp_filter", "1\n")
	bad, _ = h.look(Config{Listen: []Listen{relayed}, ReadBuffer: 8 << 20})
	require.Equal(t, map[string]sqlstore.FindingStatus{"kernel.rp_filter": sqlstore.FindingNote, "kernel.receive_buffer": sqlstore.FindingNote}, bad)
}

// Without /proc what only Linux tells is left out.
func TestOtherSystems(t *testing.T) {
	h := newHost(t)
	h.proc = filepath.Join(h.proc, "none")
	bad, all := h.look(Config{Listen: []Listen{onAddr}, Health: "127.0.0.1:9867", ReadBuffer: 1})
	require.Empty(t, bad)
	require.Len(t, all, 1, "the address")
}

// A socket of another interface, or of IPv6 alone, is not in the way; that it is
// one cannot be seen.
func TestPortsUnsure(t *testing.T) {
	h := newHost(t)
	h.socket("udp", "00000000:0043", "07", 4711, 70, "dnsmasq", 0)
	bad, _ := h.look(Config{Listen: []Listen{onEth0}})
	require.Equal(t, map[string]sqlstore.FindingStatus{"port.67": sqlstore.FindingWarning}, bad)
	h = newHost(t)
	h.socket("tcp6", "00000000000000000000000000000000:268B", "0A", 4711, 70, "other", 0)
	bad, _ = h.look(Config{Health: "127.0.0.1:9867"})
	require.Equal(t, sqlstore.FindingWarning, bad["port.9867"])
}

func TestRelays(t *testing.T) {
	bad, _ := newHost(t).look(Config{Listen: []Listen{onAddr}}, "203.0.113.9", "198.51.100.1", "2001:db8::9")
	require.Equal(t, map[string]sqlstore.FindingStatus{"relay.203.0.113.9.route": sqlstore.FindingWarning}, bad)
	elsewhere := onAddr
	elsewhere.Address = netip.MustParseAddr("127.0.0.1")
	bad, _ = newHost(t).look(Config{Listen: []Listen{elsewhere}}, "198.51.100.1")
	require.Equal(t, map[string]sqlstore.FindingStatus{"relay.198.51.100.1.route": sqlstore.FindingNote}, bad)
	many := make([]string, maxRelays+1)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String()
	}
	bad, all := newHost(t).look(Config{Listen: []Listen{onAll}}, many...)
	require.Equal(t, map[string]sqlstore.FindingStatus{"relay.list": sqlstore.FindingNote}, bad)
	require.Greater(t, len(all), maxRelays)
	local, err := ThisHost().Route(netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddr("127.0.0.1"), local)
}

func TestParseSocket(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:0043":                         "127.0.0.1:67",
		"00000000000000000000000001000000:0223": "[::1]:547",
		"B80D0120000000000000000001000000:0223": "[2001:db8::1]:547",
	} {
		at, ok := parseSocket(text)
		require.True(t, ok, text)
		require.Equal(t, want, at.String())
	}
	for _, text := range []string{"local_address", "", "00:0", "0100007F:", "0100007F:10000"} {
		_, ok := parseSocket(text)
		require.False(t, ok, text)
	}
}
