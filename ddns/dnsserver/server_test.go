package dnsserver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each kind starts, takes updates, and has them after it was killed.
func TestServers(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := Start(t, kind, Options{Records: map[string][]string{Forward: {"www.example.org. 60 IN A 192.0.2.80"}}})
			require.Equal(t, []string{"www.example.org 60 A 192.0.2.80"}, s.Zone(Forward))
			require.Empty(t, s.Zone(Reverse6))
			s.Edit(Reverse4, nil, []string{"7.2.0.192.in-addr.arpa. 300 IN PTR host.example.org."})
			s.Edit(Forward, []string{"www.example.org"}, []string{"host.example.org. 300 IN A 192.0.2.7"})
			for _, again := range []func(){func() {}, func() { s.Kill(); s.Run() }, func() { s.Stop(); s.Run() }} {
				again()
				require.Equal(t, []string{"7.2.0.192.in-addr.arpa 300 PTR host.example.org"}, s.Zone(Reverse4))
				require.Equal(t, []string{"host.example.org 300 A 192.0.2.7"}, s.Zone(Forward))
			}
		})
	}
}
