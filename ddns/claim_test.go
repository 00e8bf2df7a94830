package ddns

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore"
)

// nobody is where no DNS server is.
const nobody = "127.0.0.1:1"

// before is what was published before a test.
var before = "60 A 192.0.2.1\n60 DHCID " + idText(v4, mac(1), "x.example.org")

// still makes a worker that does only what it is told.
func (w *world) still(id string) *Worker {
	w.t.Helper()
	out := w.worker(id)
	out.hard, out.endHard = context.WithCancel(w.t.Context())
	out.soft, out.endSoft = context.WithCancel(out.hard)
	require.NoError(w.t, out.refresh())
	return out
}

// claimed has the worker claim once, and ends when the work is done.
func claimed(t *testing.T, one *Worker) {
	t.Helper()
	var groups sync.WaitGroup
	_, err := one.claim(&groups)
	require.NoError(t, err)
	groups.Wait()
}

// Another process that has the newer revision already puts a name into its new
// zone. A process of the older one must not take it for a name of no zone, which
// nobody would look at again.
func TestZoneOfNewerRevision(t *testing.T) {
	t.Parallel()
	const name, lab = "a.lab.example.com", "lab.example.com"
	w := newWorld(t)
	w.zones("tcp", dnsserver.Secret, nobody)
	one := w.still("one")
	w.store.names[name] = &memName{due: time.Now(), DNSName: sqlstore.DNSName{
		Name: name, Zone: lab, Version: 2, State: sqlstore.NamePending, Published: before,
	}}
	zones := append(w.store.config.Zones, sqlstore.DNSZone{Name: lab, Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort(nobody), Transport: "tcp"}}})
	w.store.fault = func(method string, _ bool) error {
		if method == "LoadConfig" {
			return errors.New("for a test")
		}
		return nil
	}
	w.apply(&sqlstore.Config{Zones: zones, TSIGKeys: w.store.config.TSIGKeys}, w.store.secrets)
	claimed(t, one)
	row := w.store.rows()[name]
	require.Equal(t, []any{lab, sqlstore.NamePending, errZone.Error()}, []any{row.Zone, row.State, row.LastError})
	require.WithinDuration(t, time.Now(), row.DueAt, time.Minute, "looked at again")
	require.Equal(t, before, row.Published)

	w.store.fault = nil
	w.store.names[name].due = time.Now()
	claimed(t, one)
	row = w.store.rows()[name]
	require.Equal(t, []any{lab, sqlstore.NamePending}, []any{row.Zone, row.State})
	require.NotEqual(t, errZone.Error(), row.LastError, "the newer revision was read, and its server asked")
	require.NotEmpty(t, row.LastError)
}

// The row of a name that is in no zone goes with the lease: clients choose names,
// and addresses of IPv6 are many.
func TestNoZoneIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.zones("tcp", dnsserver.Secret, nobody)
	w.start("one")
	w.store.assign("203.0.113.1", "a.example.com", both, mac(1))
	w.store.assign("203.0.113.2", "b.example.com", sqlstore.FQDNReverse, mac(2))
	w.settled()
	require.Len(t, w.store.rows(), 2)
	require.Equal(t, sqlstore.NameNoZone, w.state("a.example.com"))
	require.Equal(t, sqlstore.NameNoZone, w.state("2.113.0.203.in-addr.arpa"))
	w.store.end("203.0.113.1")
	w.store.end("203.0.113.2")
	w.settled()
	require.Empty(t, w.store.rows())

	w.store.names["old.example.com"] = &memName{due: time.Now(), DNSName: sqlstore.DNSName{Name: "old.example.com", Published: before}}
	w.settled()
	require.Equal(t, sqlstore.NameNoZone, w.state("old.example.com"), "what a zone that is gone may have stays known")
}

// A zone without servers, which only SQL by hand can make, is not worked on.
func TestZoneWithoutServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.still("one")
	w.store.names["a.example.org"] = &memName{due: time.Now(), DNSName: sqlstore.DNSName{Name: "a.example.org", Zone: "example.org", Published: before}}
	claimed(t, one)
	require.Zero(t, w.store.rows()["a.example.org"].Claim)
	w.zones("tcp", dnsserver.Secret, nobody)
	require.NoError(t, one.refresh())
	claimed(t, one)
	require.NotZero(t, w.store.rows()["a.example.org"].Claim)
}

// The log is trimmed until it is short enough, however fast it grows.
func TestTrimCatchesUp(t *testing.T) {
	t.Parallel()
	for deleted, times := range map[int]int{sqlstore.TrimStep: 3, sqlstore.TrimStep - 1: 1} {
		w := newWorld(t)
		one := w.still("one")
		one.t.trim = time.Hour
		trimmed := 0
		one.cfg.Store = trims{w.store, func() int { trimmed++; return deleted }}
		s := &sequencer{w: one}
		for range 3 {
			_, err := s.turn()
			require.NoError(t, err)
		}
		require.Equal(t, times, trimmed)
	}
}

type trims struct {
	Store
	trim func() int
}

func (t trims) TrimLog(context.Context, sqlstore.LogLimits) (int, error) { return t.trim(), nil }

// Thousands of clients with one name make one line.
func TestRivalsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.still("one")
	j := &job{row: sqlstore.DNSName{Name: "a.example.org"}}
	for i := 1; i < 100; i++ {
		j.holders = append(j.holders, holder(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String(), "a.example.org", both, mac(i), i))
	}
	(&group{w: one, snap: one.snap.Load(), zone: &zone{name: "example.org"}}).planOne(j)
	require.Equal(t, 1, strings.Count(w.log.String(), "event=ddns.rival"))
	require.Contains(t, w.log.String(), "addr=192.0.2.2 rivals=98")
}
