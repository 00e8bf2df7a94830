package deploy_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/admin/deploy"
	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// The demonstration needs two IPv4 relays that lead to two links with room for
// 2,000 clients, and a relay with addresses and prefixes for 500.
func TestSampleSite(t *testing.T) {
	c, err := site.Parse("isp-site.yaml", deploy.Site)
	require.NoError(t, err)
	room := map[netip.Addr]uint64{}
	for _, l := range c.Links {
		var total uint64
		for _, s := range l.Subnets {
			if s.Family() != sqlstore.IPv4 {
				continue
			}
			for _, p := range s.Pools {
				total += p.Size()
			}
		}
		for _, s := range l.Subnets {
			for _, a := range s.Relays {
				require.True(t, s.Prefix.Contains(a))
				room[a] += total
				for _, p := range s.Pools {
					require.False(t, p.Contains(a), "the relay's own address is not given away")
					if !a.Is4() {
						require.GreaterOrEqual(t, p.Size(), uint64(500))
					}
				}
			}
		}
	}
	require.Greater(t, room[netip.MustParseAddr("10.20.0.1")], uint64(4000))
	require.Greater(t, room[netip.MustParseAddr("10.30.0.1")], uint64(4000))
	require.Contains(t, room, netip.MustParseAddr("2001:db8:20::1"))
	require.Contains(t, room, netip.MustParseAddr("2001:db8:30::1"))
}

func TestUnitIsHardened(t *testing.T) {
	data, err := os.ReadFile("rowlock.service")
	require.NoError(t, err)
	settings := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			settings[key] = value
		}
	}
	for key, value := range map[string]string{
		"User": "rowlock", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"CapabilityBoundingSet": "CAP_NET_BIND_SERVICE CAP_NET_RAW", "StateDirectory": "rowlock",
		"ExecStart": "/usr/bin/rowlock serve --config /etc/rowlock/rowlock.yaml",
	} {
		require.Equal(t, value, settings[key], key)
	}
}

// systemd's own reading of the unit, where systemd is installed. The program
// it starts is not, so a copy that starts another one is verified.
func TestUnitVerifies(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
			t.Fatal("no systemd-analyze, and ROWLOCK_TEST_REQUIRE is set")
		}
		t.Skip("no systemd-analyze: the unit was not verified")
	}
	data, err := os.ReadFile("rowlock.service")
	require.NoError(t, err)
	unit := filepath.Join(t.TempDir(), "rowlock.service")
	text := strings.ReplaceAll(string(data), "/usr/bin/rowlock", "/bin/true")
	require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))
	out, err := exec.Command(verify, "verify", "--man=no", unit).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NotContains(t, string(out), unit, "systemd has a complaint")
}
