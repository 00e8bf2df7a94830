package frontend

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A packet that comes in by a socket for relays belongs to the VRF of the
// interface that it came in by.
func TestVRFOfTheIncomingInterface(t *testing.T) {
	t.Parallel()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("no loopback interface: ", err)
	}
	b := newBench4(t, `
		vrf 7 interface=lo
		link
		subnet 192.0.2.0/24
		pool 192.0.2.10 192.0.2.20
		link
		subnet 192.0.2.0/24 vrf=7
		pool 192.0.2.30 192.0.2.40`, "listen udp 198.51.100.1")
	p := b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.1"), "192.0.2.1:67", "198.51.100.1:67")
	_, err = b.run(p)
	require.NoError(t, err)
	require.EqualValues(t, 0, b.model.last().VRF)
	p.ifindex = lo.Index
	o, err := b.run(p)
	require.NoError(t, err)
	require.EqualValues(t, 7, b.model.last().VRF)
	require.Equal(t, "192.0.2.30", decodeReply4(t, o.data).yiaddr)
}

// Interfaces are listed again for a name that is old and for an index that is new,
// but not for every packet of one that is not there.
func TestInterfaceNamesAreListedAgain(t *testing.T) {
	t.Parallel()
	now, all, failure, lists := time.Now(), []net.Interface{{Index: 2, Name: "eth7"}}, error(nil), 0
	i := &interfaceNames{list: func() ([]net.Interface, error) {
		lists++
		return all, failure
	}}
	for _, c := range []struct {
		name  string
		after time.Duration // since the first
		do    func()
		index int
		want  string
		lists int
	}{
		{"first", 0, func() {}, 2, "eth7", 1},
		{"known", watchEvery - 1, func() { all[0].Name = "lan7" }, 2, "eth7", 1},
		{"old", watchEvery, func() {}, 2, "lan7", 2},
		{"not there", watchEvery + relistEvery - 1, func() {}, 3, "", 2},
		{"new", watchEvery + relistEvery, func() { all = append(all, net.Interface{Index: 3, Name: "eth8"}) }, 3, "eth8", 3},
		{"not told", 2 * (watchEvery + relistEvery), func() { failure = errors.New("refused") }, 3, "", 4},
		{"told again", 2*(watchEvery+relistEvery) + relistEvery, func() { failure = nil }, 3, "eth8", 5},
		{"a packet that waited", 0, func() {}, 4, "", 5},
	} {
		c.do()
		require.Equal(t, c.want, i.name(c.index, now.Add(c.after)), c.name)
		require.Equal(t, c.lists, lists, c.name)
	}
}

// What comes by an interface without a name is in no vrf, where interfaces tell.
func TestUnknownInterface(t *testing.T) {
	t.Parallel()
	const subnets = "link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.20\n link\n subnet 2001:db8:1::/64"
	for selectors, known := range map[string]bool{"": true, "vrf 7 relay=198.51.100.7\n": true, "vrf 7 interface=eth7\n": false} {
		b := newBench4(t, selectors+subnets, "listen udp 198.51.100.1")
		b.interfaces.list = func() ([]net.Interface, error) { return nil, nil }
		p := b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.1"), "192.0.2.1:67", "198.51.100.1:67")
		p.ifindex = 3
		o, err := b.run(p)
		q6 := &query6{relays: []relay6{{link: netip.MustParseAddr("2001:db8:1::1")}}}
		n, err6 := locate6(q6, b.Server.place(p, b.snap.Load()), b.snap.Load(), nil)
		if known {
			require.NoError(t, err, selectors)
			require.NotNil(t, o, selectors)
			require.NoError(t, err6, selectors)
			require.NotNil(t, n, selectors)
			continue
		}
		requireDrop(t, ReasonUnknownInterface, err)
		require.Nil(t, o)
		requireDrop(t, ReasonUnknownInterface, err6)
		require.Nil(t, n)
	}
}
