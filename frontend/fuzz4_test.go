package frontend

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// FuzzHandle4 takes any bytes the whole way, as a broadcast on a link and as
// unicast to a UDP socket. Whatever comes out must be a well-formed reply to
// that message; nothing may panic.
func FuzzHandle4(f *testing.F) {
	files, err := filepath.Glob("testdata/v4/*.txtar")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, part := range txtar.Parse(text).Files {
			if part.Name == "in" {
				_, body, _ := bytes.Cut(part.Data, []byte("\n"))
				f.Add(encode4(f, string(body)))
			}
		}
	}
	f.Add(encode4(f, "REQUEST\n 52 03\n 57 0240\n 51 u32 4294967295\n 81 040000036162630000\n 118 addr 192.0.2.1\n 82.5 addr 192.0.2.1\n 82.19"))
	f.Add(encode4(f, "REQUEST\n 50 addr 10.9.9.9"))
	for _, option := range []string{
		"", "01", "0100", "010000", "050000 00", "050000 0161", "040000 c00c", "040000 0161ff", "0d0000 3f", "050000 03612e62 00", "000000 2e",
		"000000 612e2e62", "0f0000 0561ff6200", "040000 017800 0179", "010000 ffff", "010000 2a2e6578616d706c652e6f7267", "050000 " + strings.Repeat("3f"+strings.Repeat("61", 63), 4),
	} {
		f.Add(encode4(f, "REQUEST\n ciaddr 192.0.2.10\n 55 bytes 12 81\n 12 text Bob's PC.\n 81 "+option))
	}
	config := "option routers! 192.0.2.1\n option domain-name example.org\n param max_valid_lifetime 4294967295\n" + lan4
	places := []struct {
		b        *bench4
		src, dst string
	}{
		{newBench4(f, config, onLink4), "0.0.0.0:68", "255.255.255.255:67"},
		{newBench4(f, config, relayed4), "192.0.2.7:4011", "198.51.100.67:67"},
		{newBench4(f, benchNames+config, onLink4), "192.0.2.10:68", "192.0.2.1:67"},
		{newBench4(f, "param ddns_replace_client_name when-not-present\n param hostname_char_replacement -\n"+benchNames+lan4, onLink4), "0.0.0.0:68", "255.255.255.255:67"},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, at := range places {
			b := at.b
			b.model = newModel4() // each input meets the same state
			b.cfg.Leaser = b.model
			p := b.packet(bytes.Clone(data), at.src, at.dst)
			peek4(p.data)
			originOf(p)
			o, err := b.run(p)
			if err != nil {
				require.Contains(t, Reasons(), reasonOf(err))
				require.NotEqual(t, ReasonInternal, reasonOf(err), err)
				require.Nil(t, o)
				continue
			}
			checkItem4(t, b)
			if o == nil {
				continue
			}
			checkReply4(t, data, o)
		}
	})
}

// checkItem4 requires that what SQL is asked fits its columns.
func checkItem4(t *testing.T, b *bench4) {
	t.Helper()
	for _, r := range b.model.requests {
		if len(r.Items) == 0 { // an address of another network: only the newest configuration is asked for
			continue
		}
		c := r.Items[0].Client
		require.LessOrEqual(t, len(c.HWAddr), maxHWAddr)
		require.LessOrEqual(t, len(c.ClientID), maxClientID)
		require.LessOrEqual(t, len(c.Hostname), maxHostname)
		for _, id := range [][]byte{c.CircuitID, c.RemoteID, c.SubscriberID, c.RelayID} {
			require.LessOrEqual(t, len(id), maxRelayID)
		}
		require.Equal(t, c.Hostname, hostname(c.Hostname))
		checkName(t, r.Items[0].ClientAt(netip.MustParseAddr("192.0.2.10")))
		require.NotNil(t, r.Items[0].Pools)
	}
}

// checkName requires that a name that is kept in DNS is canonical and below the
// suffix, and that no other has the bits.
func checkName(t *testing.T, c sqlstore.Client) {
	t.Helper()
	require.LessOrEqual(t, len(c.Hostname), maxHostname)
	if c.FQDNFlags&(sqlstore.FQDNForward|sqlstore.FQDNReverse) == 0 {
		return
	}
	require.NoError(t, name.Check(c.Hostname))
	require.Equal(t, name.Canonical(c.Hostname), c.Hostname)
	require.True(t, strings.HasSuffix(c.Hostname, ".dyn.example.org"), c.Hostname)
}

func checkReply4(t *testing.T, data []byte, o *outgoing) {
	t.Helper()
	m, err := parseReply4(o.data)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.op)
	require.Equal(t, hex.EncodeToString(data[4:8]), m.xid)
	require.Equal(t, data[24:28], o.data[24:28], "giaddr")
	require.Contains(t, []string{"OFFER", "ACK", "NAK"}, m.kind)
	require.Len(t, m.options[54], 4)
	if v, ok := m.options[81]; ok {
		_, err := name.Parse4(v)
		require.NoError(t, err)
	}
	if i := slices.Index(m.order, 82); i >= 0 {
		require.Equal(t, len(m.order)-1, i)
	}
	if t1, t2, valid := m.seconds(58), m.seconds(59), m.seconds(51); t1 != 0 {
		require.Less(t, t1, t2)
		require.Less(t, t2, valid)
	}
	if o.hw != nil {
		payload, _, _, err := parseFrame(buildFrame(broadcastHW, o))
		require.NoError(t, err)
		require.Equal(t, o.data, payload)
	}
}
