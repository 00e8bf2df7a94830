package sqlite

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the triggers take for an address, and how they sort it, is what the
// program does.
func TestTriggersKnowAddresses(t *testing.T) {
	x := newFixture(t)
	x.run("INSERT INTO link (id, name) VALUES (1, 'one'), (2, 'two')")
	x.run("INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '0.0.0.0/0'), (2, 2, '::/0')")
	tx, err := x.db.Begin()
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	insert, err := tx.Prepare("INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (1, ?1, 1, ?2, ?2, ?3)")
	require.NoError(t, err)
	texts := append(addressTexts(), "", ".", ":", "::", ":::", "::1::", "1::2::3", "0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.4.5", "1..3.4", "1.2.3.4.",
		".1.2.3", "01.2.3.4", "1.2.3.04", "256.1.1.1", "1.2.3.1000", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::12345", "1::0", "0::1",
		"1:0:0:2:0:0:0:3", "1:0:0:2::3", "1::2:0:0:3", "1:0:0:2:3:0:0:4", "1::2:3:0:0:4", "1:0:2:3:4:5:6:7", "1::2:3:4:5:6:7", "::ffff:1.2.3.4", "::ffff:102:304",
		"::1.2.3.4", "fe80::1%eth0", "2001:DB8::1", "2001:db8::1/64", " 1.2.3.4", "1.2.3.4\n", `"],["`, "a", "1234", "::g", "１.2.3.4", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8")
	taken := 0
	for _, text := range texts {
		a, err := netip.ParseAddr(text)
		good := err == nil && a.String() == text && a.Zone() == "" && !a.Is4In6()
		subnet, length := 1, 32
		if strings.Contains(text, ":") {
			subnet, length = 2, 128
		}
		_, err = insert.Exec(subnet, text, length)
		require.Equal(t, good, err == nil, "%q: %v", text, err)
		if !good {
			continue
		}
		taken++
		var key sql.NullString
		require.NoError(t, tx.QueryRow("SELECT first_key FROM pool WHERE id = 1").Scan(&key))
		require.Equal(t, map[bool]string{true: "4", false: "6"}[a.Is4()]+fmt.Sprintf("%x", a.AsSlice()), key.String, text)
		_, err = tx.Exec("DELETE FROM pool")
		require.NoError(t, err)
	}
	require.Greater(t, taken, 300)
}

// addressTexts are addresses with groups of zeros, some of them written otherwise
// than they should be.
func addressTexts() (texts []string) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		b := make([]byte, 16)
		for g := 0; g < 16; g += 2 {
			switch random.IntN(3) {
			case 0:
				b[g], b[g+1] = byte(random.Uint32()), byte(random.Uint32())
			case 1:
				b[g+1] = byte(random.Uint32())
			}
		}
		a := netip.AddrFrom16([16]byte(b))
		if i%4 == 0 {
			a = netip.AddrFrom4([4]byte(b[:4]))
		}
		texts = append(texts, a.String())
		if i%8 == 1 {
			texts = append(texts, a.StringExpanded())
		}
	}
	return texts
}

// Likewise prefixes and the ends of their ranges, of pools of prefixes too.
func TestTriggersKnowPrefixes(t *testing.T) {
	x := newFixture(t)
	x.run("INSERT INTO link (id, name) VALUES (1, 'one')")
	for _, base := range []string{"203.0.113.201", "2001:db8:9abc:def0:1234:5678:9abc:def1"} {
		addr := netip.MustParseAddr(base)
		for bits := 0; bits <= addr.BitLen()+1; bits++ {
			p, err := addr.Prefix(bits)
			text := p.String()
			if err != nil {
				text = fmt.Sprintf("%s/%d", addr, bits)
			}
			x.run("DELETE FROM subnet")
			_, failed := x.db.Exec("INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, ?1)", text)
			require.Equal(t, err == nil, failed == nil, "%s: %v", text, failed)
			_, failed = x.db.Exec("INSERT INTO subnet (id, link_id, prefix) VALUES (2, 1, ?1)", fmt.Sprintf("%s/%d", addr, bits))
			require.Error(t, failed, "overlaps, or has host bits, or is none")
			if err != nil {
				continue
			}
			var last string
			require.NoError(t, x.db.QueryRow("SELECT last_key FROM subnet").Scan(&last))
			require.Equal(t, fmt.Sprintf("%x", lastOf(p)), last[1:], text)
		}
	}
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) []byte {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(b); bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return b
}

func TestTriggersKnowPoolsOfPrefixes(t *testing.T) {
	x := newFixture(t)
	x.run("INSERT INTO link (id, name) VALUES (1, 'one')")
	x.run("INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '2001:db8::/64')")
	insert := func(first, last netip.Addr, length int) error {
		x.run("DELETE FROM pool")
		_, err := x.db.Exec("INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (1, 1, 2, ?1, ?2, ?3)", first.String(), last.String(), length)
		return err
	}
	random := rand.New(rand.NewPCG(3, 4))
	addr := netip.MustParseAddr("2a5f:db8:9abc:def0:1234:5678:9abc:def1")
	for range 300 {
		bits := 1 + random.IntN(127)
		length := bits + random.IntN(128-bits)
		base, err := addr.Prefix(bits)
		require.NoError(t, err)
		end, _ := netip.AddrFromSlice(lastOf(base))
		last, err := end.Prefix(length)
		require.NoError(t, err)
		require.NoError(t, insert(base.Addr(), last.Addr(), length), "%s %d", base, length)
		var key string
		require.NoError(t, x.db.QueryRow("SELECT end_key FROM pool").Scan(&key))
		require.Equal(t, fmt.Sprintf("%x", end.AsSlice()), key[1:])
		if length-bits > 1 { // one prefix less at the end, or at the beginning
			before, err := last.Addr().Prev().Prefix(length)
			require.NoError(t, err)
			require.Error(t, insert(base.Addr(), before.Addr(), length), "%s to %s", base, before)
			one := netip.PrefixFrom(base.Addr(), length)
			second, _ := netip.AddrFromSlice(lastOf(one))
			require.Error(t, insert(second.Next(), last.Addr(), length), "%s from %s", base, second.Next())
		}
		if length < 127 {
			require.Error(t, insert(base.Addr(), end, length), "%s with host bits", base)
		}
	}
}
