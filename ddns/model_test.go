package ddns

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelName is what a DNS server has at one name: RFC 2136 section 3.
type modelName records

func (m *modelName) of(typ string) records { return records(*m).of(typ) }

// apply does a step, or refuses it.
func (m *modelName) apply(s step) (met bool) {
	for _, p := range s.prereqs {
		switch p.kind {
		case nameFree:
			met = len(*m) == 0
		case rrsetGone:
			met = len(m.of(p.typ)) == 0
		case rrsetIs:
			have := m.of(p.typ)
			met = len(have.without(p.recs)) == 0 && len(p.recs.without(have)) == 0
		}
		if !met {
			return false
		}
	}
	for _, c := range s.changes {
		switch c.kind {
		case addRecord:
			*m = append(modelName(records(*m).without(records{c.rec})), c.rec)
		case deleteRecord:
			*m = modelName(records(*m).without(records{c.rec}))
		case deleteRRset:
			*m = modelName(records(*m).without(m.of(c.rec.typ)))
		}
	}
	return true
}

// The state of one name as the worker keeps it, over changes of what is wanted
// and workers that end at any moment: whatever was sent and whatever is known
// of it, the next one that is not stopped brings the DNS to what is wanted,
// leaves nothing of ours behind, and touches nothing of anybody else.
func TestPlanConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reverse := rapid.Bool().Draw(t, "reverse")
		host := "a.example.org"
		if reverse {
			host = "1.2.0.192.in-addr.arpa"
		}
		dns := modelName{}
		foreign := rapid.SampledFrom([]records{nil, nil, nil, {{60, typeA, "203.0.113.1"}}, {{60, typeDHCID, idZ}, {60, typeA, "203.0.113.1"}}}).Draw(t, "foreign")
		if !reverse {
			dns = append(dns, foreign...)
		}
		var known, tried records
		for round := range rapid.IntRange(1, 6).Draw(t, "rounds") {
			want := drawWanted(t, round, reverse, known)
			steps := plan(host, known, tried, want)
			if len(steps) == 0 {
				known, tried = want, nil
				continue
			}
			tried = want.union(known).union(tried)
			die := rapid.IntRange(-1, 3).Draw(t, "dies in step")
			lost := rapid.Bool().Draw(t, "before sending")
			end, died := run(&dns, steps, die, lost)
			switch {
			case died:
				continue
			case end == endConflict:
				require.NotEmpty(t, foreign)
				known, tried = nil, nil
			default:
				known, tried = want, nil
			}
		}
		want := drawWanted(t, 9, reverse, known)
		end := endDone
		if steps := plan(host, known, tried, want); len(steps) > 0 {
			end, _ = run(&dns, steps, -1, false)
		}
		got := records(dns).sorted()
		if !reverse && len(foreign) > 0 {
			require.Equal(t, foreign.sorted(), got)
			require.True(t, end == endConflict || len(want) == 0)
			return
		}
		require.Equal(t, endDone, end)
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
	})
}

// idZ is the DHCID of somebody that no database of ours knows.
const idZ = "AAABxLmlskllE0MVjd57zHcWmEH3pCQ6VytcKD//7es/deY="

func drawWanted(t *rapid.T, round int, reverse bool, known records) records {
	if rapid.IntRange(0, 3).Draw(t, "nothing") == 0 {
		return nil
	}
	ttl := uint32(60 + round)
	if reverse {
		return keepTTL(records{{typ: typePTR, data: rapid.SampledFrom([]string{"a.example.org", "b.example.org"}).Draw(t, "host")}}, known, ttl)
	}
	var out records
	for _, a := range []record{{0, typeA, "192.0.2.1"}, {0, typeA, "192.0.2.2"}, {0, typeAAAA, "2001:db8::1"}} {
		if rapid.Bool().Draw(t, a.data) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil
	}
	out = append(out, record{typ: typeDHCID, data: rapid.SampledFrom([]string{idX, idY}).Draw(t, "owner")})
	return keepTTL(slices.Clone(out).sorted(), known, ttl)
}

// run takes the steps until they end, or dies in one of them, before it reached
// the server or before its reply was read.
func run(dns *modelName, steps []step, die int, lost bool) (end int, died bool) {
	at := 0
	for sent := 0; at >= 0; sent++ {
		if sent == die && lost {
			return 0, true
		}
		s := steps[at]
		met := dns.apply(s)
		if sent == die {
			return 0, true
		}
		if at = s.no; met {
			at = s.yes
		}
	}
	return at, false
}
