package torture

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

const seed = 7

// noon is the begin of the histories in these tests.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(second float64) time.Time { return noon.Add(time.Duration(second * float64(time.Second))) }

// saw is an answer that came half a second after its request.
func saw(second float64, client int, kind load.EventType, addr string, valid uint32) load.Event {
	e := load.Event{
		Sent: at(second), At: at(second + 0.5), Client: client, Type: kind, Addr: netip.MustParsePrefix(addr), Valid: valid,
		XID: uint32(second*1000) + uint32(client),
	}
	if kind == load.Released || kind == load.Declined {
		e.At = e.Sent
	}
	return e
}

func keyOf(client int) sqlstore.Key {
	hw := load.HWAddr(seed, client)
	return sqlstore.ClientKey(1, sqlstore.KeyClientID, hw[:])
}

// row is a holding in the database; by 0 is a lease.
func row(from, to float64, client int, addr string, by sqlstore.State) Span {
	return Span{
		Key: keyOf(client), Prefix: netip.MustParsePrefix(addr), HWAddr: load.HWAddr(seed, client),
		Since: at(from), End: at(to), Live: by == 0, EndedBy: by,
	}
}

// logged makes the events that belong to rows, in order.
func logged(rows []Span) (log []LogEvent) {
	add := func(s Span, kind sqlstore.EventKind, when time.Time) {
		log = append(log, LogEvent{Seq: int64(len(log) + 1), Kind: kind, Key: s.Key, Prefix: s.Prefix, Rev: when.UnixMicro()})
	}
	for _, s := range rows {
		add(s, sqlstore.EventAssigned, s.Since)
		if !s.Live {
			add(s, sqlstore.EventEnded, s.End)
		}
	}
	return log
}

const (
	a   = "192.0.2.1/32"
	b   = "192.0.2.2/32"
	p56 = "2001:db8:0:100::/56"
	p60 = "2001:db8:0:130::/60"
)

func rulesOf(vs []Violation) (rules []string) {
	for _, v := range vs {
		if !slices.Contains(rules, v.Rule) {
			rules = append(rules, v.Rule)
		}
	}
	slices.Sort(rules)
	return rules
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ack, release := load.Ack, load.Released
	const expired, released, again = sqlstore.Expired, sqlstore.Released, sqlstore.Active
	type events = []load.Event
	type rows = []Span
	late := events{saw(0, 1, ack, a, 60), saw(5, 1, release, a, 0), saw(6, 1, ack, a, 60), saw(8, 2, ack, a, 60)}
	twice := events{saw(0, 1, ack, a, 60), saw(9, 2, ack, a, 60)}
	inner := events{saw(0, 1, load.Reply, p56, 60), saw(9, 2, load.Reply, p60, 60)}
	moved := events{saw(0, 1, ack, a, 60), saw(9, 1, ack, b, 60)}
	for _, c := range []struct {
		name   string
		events events
		rows   rows
		want   []string
	}{
		{"nothing", nil, nil, nil},
		{"a lease", events{saw(0, 1, ack, a, 60)}, rows{row(0.2, 60.2, 1, a, 0)}, nil},
		{"renewed and run out", events{saw(0, 1, ack, a, 60), saw(50, 1, ack, a, 60)}, rows{row(0.2, 110.2, 1, a, expired)}, nil},
		{"run out and got again", events{saw(0, 1, ack, a, 10), saw(10, 1, ack, a, 10)}, rows{row(0.2, 10.2, 1, a, again), row(10.3, 20.3, 1, a, expired)}, nil},
		{"one after the other", events{saw(0, 1, ack, a, 10), saw(10, 2, ack, a, 10)}, rows{row(0.2, 10.2, 1, a, expired), row(10.3, 20.3, 2, a, expired)}, nil},
		{"given back", events{saw(0, 1, ack, a, 60), saw(5, 1, release, a, 0), saw(6, 2, ack, a, 60)}, rows{row(0.2, 5.2, 1, a, released), row(6.2, 66.2, 2, a, 0)}, nil},
		{"declined", events{saw(0, 1, ack, a, 60), saw(5, 1, load.Declined, a, 0)}, rows{row(0.2, 5.2, 1, a, sqlstore.Declined)}, nil},
		{"in the database only", nil, rows{row(0.2, 60.2, 1, a, 0)}, nil},
		{"a late release ends what was got again", late, rows{row(0.2, 5.2, 1, a, released), row(6.2, 6.7, 1, a, released), row(8.2, 68.2, 2, a, 0)}, nil},
		{"got again and lost", late, rows{row(0.2, 5.2, 1, a, released), row(8.2, 68.2, 2, a, 0)}, []string{"double-allocation", NotARegister, NotInDatabase}},
		{"two clients at one time", twice, rows{row(0.2, 9.1, 1, a, expired), row(9.2, 69.2, 2, a, 0)}, []string{"double-allocation", NotARegister, NotInDatabase}},
		{"a prefix in a prefix", inner, rows{row(0.2, 60.2, 1, p56, 0), row(9.2, 69.2, 2, p60, 0)}, []string{"double-allocation", RowsOverlap}},
		{"acknowledged and not written", events{saw(0, 1, ack, a, 60)}, nil, []string{NotInDatabase}},
		{"written for another client", events{saw(0, 1, ack, a, 60)}, rows{row(0.2, 60.2, 2, a, 0)}, []string{NotInDatabase}},
		{"written too late", events{saw(0, 1, ack, a, 60)}, rows{row(0.6, 60.6, 1, a, 0)}, []string{NotInDatabase}},
		{"written for too short a time", events{saw(0, 1, ack, a, 60), saw(50, 1, ack, a, 60)}, rows{row(0.2, 60.2, 1, a, expired)}, []string{NotInDatabase}},
		{"a gap in between", events{saw(0, 1, ack, a, 60)}, rows{row(0.2, 30, 1, a, again), row(30.1, 61, 1, a, 0)}, []string{NotInDatabase}},
		{"rows overlap", nil, rows{row(0, 10, 1, a, expired), row(9, 20, 2, a, expired)}, []string{RowsOverlap}},
		{"two addresses of a key", nil, rows{row(0, 10, 1, a, expired), row(9, 20, 1, b, expired)}, []string{TwoBindings}},
		{"two addresses of a client", moved, rows{row(0.2, 60.2, 1, a, 0), row(9.2, 69.2, 1, b, 0)}, []string{"two-addresses", TwoBindings}},
		{"its own refused", events{saw(0, 1, ack, a, 60), saw(9, 1, load.Nak, a, 0)}, rows{row(0.2, 60.2, 1, a, 0)}, []string{"own-refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &Record{Seed: seed, Events: c.events, Tables: &Tables{Spans: c.rows, Log: logged(c.rows)}}
			vs := Check(r)
			require.Equal(t, c.want, rulesOf(vs), "%v", vs)
			var out bytes.Buffer
			r.Write(&out, netip.MustParsePrefix(a))
			for _, e := range c.events {
				if e.Addr.String() == a {
					require.Contains(t, out.String(), e.String())
				}
			}
		})
	}
}

func TestCheckEvents(t *testing.T) {
	t.Parallel()
	const expired, again = sqlstore.Expired, sqlstore.Active
	spans := []Span{row(0, 10, 1, a, again), row(11, 20, 1, a, expired), row(21, 30, 2, a, 0)}
	all := logged(spans) // 0 begin, 1 end, 2 begin, 3 end, 4 begin
	renamed := LogEvent{Seq: 6, Kind: sqlstore.EventChanged, Key: keyOf(2), Prefix: spans[2].Prefix, Rev: at(25).UnixMicro()}
	pick := func(at ...int) (log []LogEvent) {
		for i, n := range at {
			e := all[n]
			e.Seq = int64(i + 1)
			log = append(log, e)
		}
		return log
	}
	gap := pick(0, 1, 2, 3, 4)
	gap[4].Seq = 9
	stranger := append(pick(0, 1, 2, 3, 4), LogEvent{Seq: 6, Kind: sqlstore.EventEnded, Key: keyOf(3), Prefix: spans[2].Prefix})
	for _, c := range []struct {
		name string
		log  []LogEvent
		want []string
	}{
		{"all", append(pick(0, 1, 2, 3, 4), renamed), nil},
		{"out of order", pick(4, 3, 0, 2, 1), nil},
		{"no end before a new begin", pick(0, 2, 3, 4), nil},
		{"no end", pick(0, 1, 2, 4), []string{EventMissing}},
		{"no begin", pick(0, 1, 3, 4), []string{EventMissing}},
		{"none", nil, []string{EventMissing}},
		{"an end twice", pick(0, 1, 2, 3, 3, 4), []string{EventTooMany}},
		{"a begin twice", pick(0, 1, 2, 3, 4, 4), []string{EventTooMany}},
		{"of nobody", stranger, []string{EventTooMany}},
		{"a gap", gap, []string{LogBroken}},
	} {
		vs := Check(&Record{Tables: &Tables{Spans: slices.Clone(spans), Log: c.log}})
		require.Equal(t, c.want, rulesOf(vs), "%s: %v", c.name, vs)
	}
}

// One DISCOVER that is answered with two addresses is a breach, unless the
// database was killed meanwhile.
func TestCheckOffers(t *testing.T) {
	t.Parallel()
	one, two := saw(10, 1, load.Offer, a, 60), saw(10, 1, load.Offer, b, 60)
	late := two
	late.At = at(14)
	const hold = 3 * time.Second
	require.Empty(t, Check(&Record{Events: []load.Event{one, late}, Hold: hold}))
	for _, c := range []struct {
		outages []Outage
		want    []string
	}{
		{nil, []string{"other-offer"}},
		{[]Outage{{at(0), at(5)}, {at(15), at(20)}}, []string{"other-offer"}},
		{[]Outage{{at(10.1), at(10.2)}}, nil},
	} {
		require.Equal(t, c.want, rulesOf(Check(&Record{Events: []load.Event{one, two}, Outages: c.outages, Hold: hold})))
	}
}

func TestCheckRefusedOffers(t *testing.T) {
	t.Parallel()
	offer, nak := saw(10, 1, load.Offer, a, 60), saw(11, 1, load.Nak, a, 0)
	early := nak
	early.Sent = at(10.4)
	ended := []Span{row(0, 11, 1, a, sqlstore.Expired)}
	for _, c := range []struct {
		name string
		r    Record
		want []string
	}{
		{"refused", Record{Events: []load.Event{offer, nak}}, []string{OfferRefused}},
		{"before the offer", Record{Events: []load.Event{offer, early}}, nil},
		{"another address", Record{Events: []load.Event{saw(10, 1, load.Offer, b, 60), nak}}, nil},
		{"another client", Record{Events: []load.Event{saw(10, 2, load.Offer, a, 60), nak}}, nil},
		{"too late", Record{Events: []load.Event{offer, saw(12.5, 1, load.Nak, a, 0)}}, nil},
		{"killed", Record{Events: []load.Event{offer, nak}, Outages: []Outage{{at(10.6), at(10.7)}}}, nil},
		{"its lease ended", Record{Events: []load.Event{offer, nak}, Tables: &Tables{Spans: ended, Log: logged(ended)}}, nil},
	} {
		c.r.Seed, c.r.Hold = seed, 3*time.Second
		require.Equal(t, c.want, rulesOf(Check(&c.r)), c.name)
	}
}

// The register finds what the look at pairs finds, on histories of one address.
func TestRegisterAgainstOverlap(t *testing.T) {
	t.Parallel()
	broken, r := 0, rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var events []load.Event
		for range 5 {
			events = append(events, saw(float64(r.IntN(60)), r.IntN(3), load.Ack, a, uint32(1+r.IntN(8))))
		}
		overlap := slices.ContainsFunc(load.Verify(events), func(v load.Violation) bool { return v.Kind == load.DoubleAllocation })
		found := (&Record{}).register(load.Holdings(events))
		require.Equal(t, overlap, len(found) > 0, "%v: %v", events, found)
		if overlap {
			broken++
		}
	}
	require.Greater(t, broken, 50)
	require.Less(t, broken, 250)
}
