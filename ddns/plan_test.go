package ddns

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The DHCID data of two clients.
const (
	idX = "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="
	idY = "AAEBOSD+XR3Os/0LozeXVqcNc7FwCfQdWL3b/NaiUDlW2No="
)

// recs reads records separated by semicolons; x and y stand for the DHCIDs.
func recs(t testing.TB, text string) records {
	t.Helper()
	text = strings.NewReplacer("DHCID x", "DHCID "+idX, "DHCID y", "DHCID "+idY, "; ", "\n").Replace(text)
	out, err := parseRecords(text)
	require.NoError(t, err)
	return out
}

// show writes steps for reading: prerequisites, changes, and what comes then.
func show(steps []step) []string {
	short := strings.NewReplacer(idX, "x", idY, "y")
	where := func(n int) string {
		switch n {
		case endDone:
			return "done"
		case endConflict:
			return "conflict"
		}
		return strconv.Itoa(n)
	}
	out := []string{}
	for _, s := range steps {
		var parts []string
		for _, p := range s.prereqs {
			switch p.kind {
			case nameFree:
				parts = append(parts, "free")
			case rrsetGone:
				parts = append(parts, "no "+p.typ)
			case rrsetIs:
				var data []string
				for _, r := range p.recs {
					data = append(data, r.data)
				}
				parts = append(parts, p.typ+" is "+strings.Join(data, ","))
			}
		}
		parts = append(parts, ":")
		for _, c := range s.changes {
			switch c.kind {
			case addRecord:
				parts = append(parts, "+"+c.rec.String())
			case deleteRecord:
				parts = append(parts, "-"+c.rec.typ+" "+c.rec.data)
			case deleteRRset:
				parts = append(parts, "-"+c.rec.typ)
			}
		}
		out = append(out, short.Replace(strings.Join(parts, " "))+" | "+where(s.yes)+" | "+where(s.no))
	}
	return out
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, name, published, attempted, want, steps string }{
		{what: "nothing to do", published: "60 A 192.0.2.1; 60 DHCID x", want: "60 A 192.0.2.1; 60 DHCID x"},
		{what: "nothing there, nothing wanted"},
		{what: "first publication", want: "60 A 192.0.2.1; 60 DHCID x", steps: `
			free : +60 A 192.0.2.1 +60 DHCID x | done | 1
			DHCID is x : -A +60 A 192.0.2.1 +60 DHCID x | done | 2
			free : +60 A 192.0.2.1 +60 DHCID x | done | conflict`},
		{what: "both families at once", want: "60 A 192.0.2.1; 60 AAAA 2001:db8::1; 60 DHCID x", steps: `
			free : +60 A 192.0.2.1 +60 AAAA 2001:db8::1 +60 DHCID x | done | 1
			DHCID is x : -A -AAAA +60 A 192.0.2.1 +60 AAAA 2001:db8::1 +60 DHCID x | done | 2
			free : +60 A 192.0.2.1 +60 AAAA 2001:db8::1 +60 DHCID x | done | conflict`},
		{what: "an address is added", published: "60 A 192.0.2.1; 60 DHCID x", want: "60 A 192.0.2.1; 60 AAAA 2001:db8::1; 60 DHCID x", steps: `
			DHCID is x : +60 AAAA 2001:db8::1 | done | 1
			free : +60 A 192.0.2.1 +60 AAAA 2001:db8::1 +60 DHCID x | done | 2
			DHCID is x : -A -AAAA +60 A 192.0.2.1 +60 AAAA 2001:db8::1 +60 DHCID x | done | 3
			free : +60 A 192.0.2.1 +60 AAAA 2001:db8::1 +60 DHCID x | done | conflict`},
		{what: "an address changes", published: "60 A 192.0.2.1; 60 DHCID x", want: "90 A 192.0.2.2; 60 DHCID x", steps: `
			DHCID is x : +90 A 192.0.2.2 -A 192.0.2.1 | done | 1
			free : +90 A 192.0.2.2 +60 DHCID x | done | 2
			DHCID is x : -A +90 A 192.0.2.2 +60 DHCID x | done | 3
			free : +90 A 192.0.2.2 +60 DHCID x | done | conflict`},
		{what: "one family ends", published: "60 A 192.0.2.1; 60 AAAA 2001:db8::1; 60 DHCID x", want: "60 AAAA 2001:db8::1; 60 DHCID x", steps: `
			DHCID is x : -A 192.0.2.1 | done | 1
			free : +60 AAAA 2001:db8::1 +60 DHCID x | done | 2
			DHCID is x : -AAAA +60 AAAA 2001:db8::1 +60 DHCID x -A 192.0.2.1 | done | 3
			free : +60 AAAA 2001:db8::1 +60 DHCID x | done | conflict`},
		{what: "another client of ours gets the name", published: "60 A 192.0.2.1; 60 DHCID x", want: "60 A 192.0.2.2; 60 DHCID y", steps: `
			DHCID is x : +60 A 192.0.2.2 +60 DHCID y -A 192.0.2.1 -DHCID x | done | 1
			DHCID is y : +60 A 192.0.2.2 +60 DHCID y -A 192.0.2.1 -DHCID x | done | 2
			free : +60 A 192.0.2.2 +60 DHCID y | done | 3
			DHCID is y : -A +60 A 192.0.2.2 +60 DHCID y -DHCID x | done | 4
			free : +60 A 192.0.2.2 +60 DHCID y | done | conflict`},
		{what: "the outcome of the first try is not known", attempted: "60 A 192.0.2.1; 60 DHCID x", want: "60 A 192.0.2.2; 60 DHCID x", steps: `
			free : +60 A 192.0.2.2 +60 DHCID x | done | 1
			DHCID is x : -A +60 A 192.0.2.2 +60 DHCID x | done | 2
			free : +60 A 192.0.2.2 +60 DHCID x | done | conflict`},
		{what: "it was for another client", attempted: "60 AAAA 2001:db8::1; 60 DHCID x", want: "60 A 192.0.2.2; 60 DHCID y", steps: `
			free : +60 A 192.0.2.2 +60 DHCID y | done | 1
			DHCID is y : -A +60 A 192.0.2.2 +60 DHCID y -AAAA 2001:db8::1 -DHCID x | done | 2
			DHCID is x : +60 A 192.0.2.2 +60 DHCID y -AAAA 2001:db8::1 -DHCID x | done | 3
			free : +60 A 192.0.2.2 +60 DHCID y | done | conflict`},
		{what: "the outcome of a change is not known", published: "60 A 192.0.2.1; 60 DHCID x", attempted: "60 A 192.0.2.1; 60 A 192.0.2.2; 60 DHCID x", want: "60 A 192.0.2.1; 60 DHCID x", steps: `
			DHCID is x : +60 A 192.0.2.1 +60 DHCID x -A 192.0.2.2 | done | 1
			free : +60 A 192.0.2.1 +60 DHCID x | done | 2
			DHCID is x : -A +60 A 192.0.2.1 +60 DHCID x | done | 3
			free : +60 A 192.0.2.1 +60 DHCID x | done | conflict`},
		{what: "the end", published: "60 A 192.0.2.1; 60 DHCID x", steps: `
			DHCID is x : -A 192.0.2.1 | 1 | done
			DHCID is x no A no AAAA : -DHCID x | done | done`},
		{what: "the end, and the DHCID is one of two", published: "60 A 192.0.2.1; 60 DHCID x", attempted: "60 A 192.0.2.2; 60 DHCID y", steps: `
			DHCID is x : -A 192.0.2.1 -A 192.0.2.2 | 1 | 2
			DHCID is x no A no AAAA : -DHCID x | done | done
			DHCID is y : -A 192.0.2.1 -A 192.0.2.2 | 3 | done
			DHCID is y no A no AAAA : -DHCID y | done | done`},
		{what: "no address was left", published: "60 DHCID x", attempted: "60 DHCID y", steps: `
			DHCID is x no A no AAAA : -DHCID x | done | 1
			DHCID is y no A no AAAA : -DHCID y | done | done`},
		{what: "nothing says that it was ours", published: "60 A 192.0.2.1"},
		{what: "first pointer", name: "1.2.0.192.in-addr.arpa", want: "60 PTR a.example.org", steps: `
			free : +60 PTR a.example.org | done | 1
			: -PTR +60 PTR a.example.org | done | done`},
		{what: "the pointer changes", name: "1.2.0.192.in-addr.arpa", published: "60 PTR a.example.org", want: "60 PTR b.example.org", steps: `
			PTR is a.example.org : +60 PTR b.example.org -PTR a.example.org | done | 1
			: -PTR +60 PTR b.example.org | done | done`},
		{what: "and back, the change not known", name: "1.8.b.d.0.1.0.0.2.ip6.arpa", published: "60 PTR a.example.org", attempted: "60 PTR b.example.org", want: "60 PTR a.example.org", steps: `
			PTR is a.example.org : +60 PTR a.example.org | done | 1
			: -PTR +60 PTR a.example.org | done | done`},
		{what: "the pointer ends", name: "1.2.0.192.in-addr.arpa", published: "60 PTR a.example.org", attempted: "60 PTR a.example.org; 60 PTR b.example.org", steps: `
			PTR is a.example.org : -PTR a.example.org | done | 1
			PTR is b.example.org : -PTR b.example.org | done | done`},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			want := []string{}
			for l := range strings.SplitSeq(strings.TrimSpace(c.steps), "\n") {
				if l = strings.TrimSpace(l); l != "" {
					want = append(want, l)
				}
			}
			n := c.name
			if n == "" {
				n = "a.example.org"
			}
			require.Equal(t, want, show(plan(n, recs(t, c.published), recs(t, c.attempted), recs(t, c.want))))
		})
	}
}
