package load

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	var h, left, right Histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(rng.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		h.Add(d)
		if i%3 == 0 {
			left.Add(d)
		} else {
			right.Add(d)
		}
	}
	slices.Sort(all)
	left.Merge(&right)
	require.Equal(t, h, left)
	require.EqualValues(t, 20_000, h.Count())
	require.Equal(t, all[len(all)-1], h.Max())
	for _, q := range []float64{0.0001, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := all[max(0, int(q*20_000)-1)]
		require.GreaterOrEqual(t, h.Quantile(q), exact, q)
		require.LessOrEqual(t, float64(h.Quantile(q)), float64(exact)*1.033+1, q)
	}
}

func TestHistogramEdges(t *testing.T) {
	t.Parallel()
	var h Histogram
	require.Zero(t, h.Quantile(0.5)+h.Max()+h.Mean())
	h.Add(-time.Second)
	require.Zero(t, h.Max())
	h.Add(1<<63 - 1)
	require.Equal(t, time.Duration(1<<63-1), h.Quantile(1))
	require.Zero(t, h.Quantile(0.5))
	for v := uint64(1); v < 1<<62; v += v/7 + 1 {
		i := bucket(v)
		require.GreaterOrEqual(t, upper(i), v)
		require.Less(t, upper(i-1), v)
	}
	var m Histogram
	m.Add(time.Second)
	m.Add(3 * time.Second)
	require.Equal(t, 2*time.Second, m.Mean())
}

func TestPace(t *testing.T) {
	t.Parallel()
	rate := pace{mode: Rate, from: 200}
	require.Equal(t, time.Duration(0), rate.at(0))
	require.Equal(t, 500*time.Millisecond, rate.at(100))
	for _, c := range []struct{ from, to float64 }{{100, 500}, {500, 100}, {300, 300}} {
		p := pace{mode: Ramp, from: c.from, to: c.to, ramp: 10}
		in := int((c.from + c.to) / 2 * 10) // exchanges within the ramp
		require.InDelta(t, 10, p.at(in).Seconds(), 1e-6)
		require.InDelta(t, 11, p.at(in+int(c.to)).Seconds(), 1e-6, "constant behind the ramp")
		at5 := (c.from + (c.from+c.to)/2) / 2 * 5
		require.InDelta(t, 5, p.at(int(at5)).Seconds(), 0.01)
		for n := range in + 100 {
			require.LessOrEqual(t, p.at(n), p.at(n+1))
		}
	}
	require.Zero(t, pace{mode: Saturate}.at(1e6))
	require.Positive(t, pace{mode: Rate, from: 1e-12}.at(1e6), "no overflow")
}

func TestTimeoutsDoubleUpToAMost(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	for _, l := range timeouts(time.Second, 5*time.Second, 5) {
		got = append(got, l.ahead/time.Second)
	}
	require.Equal(t, []time.Duration{1, 2, 4, 5, 5}, got)
}

func TestLineKeepsOrderAndForgets(t *testing.T) {
	t.Parallel()
	l := line{ahead: 10}
	ex := &exchange{}
	for i := range 1000 {
		ex.seq = uint32(i)
		l.put(time.Duration(i), ex)
	}
	for i := range 1000 {
		at, ok := l.next()
		require.True(t, ok)
		require.Equal(t, time.Duration(i+10), at)
		_, early := l.take(at - 1)
		require.False(t, early)
		e, ok := l.take(at)
		require.True(t, ok)
		require.EqualValues(t, i, e.seq)
	}
	_, ok := l.next()
	require.False(t, ok)
	require.Less(t, len(l.items), 1000, "what was taken is not kept")
}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	full := ev(1, 7, Reply, "2001:db8:1::/56", 4294967295)
	full.Asked = netip.MustParsePrefix("2001:db8:2::/56")
	full.ServerID = "\x00\x03\x00\x01,\n\xff"
	full.From = netip.MustParseAddrPort("[2001:db8::1]:547")
	nak := Event{At: noon, Sent: noon, Type: Nak, Client: 4294967295, XID: 0xffffffff}
	events := []Event{full, ev(2, 8, Ack, "192.0.2.1/32", 60), nak, ev(3, 8, Released, "192.0.2.1/32", 0)}
	var file bytes.Buffer
	w := NewWriter(&file)
	for _, e := range events {
		w.Record(e)
	}
	require.NoError(t, w.Flush())
	got, err := ReadEvents(&file)
	require.NoError(t, err)
	for i := range got {
		got[i].At, got[i].Sent = got[i].At.UTC(), got[i].Sent.UTC()
	}
	require.Equal(t, events, got)
}

func TestReadEventsNamesTheLine(t *testing.T) {
	t.Parallel()
	good := "1,1,1,ack,192.0.2.1/32,,60,c0000201,127.0.0.1:67,a\n"
	for _, c := range []struct{ line, want string }{
		{"1,2,3", "line 2: 3 fields"},
		{strings.Replace(good, "ack", "maybe", 1), `line 2: field 4: unknown event type "maybe"`},
		{strings.Replace(good, "192.0.2.1/32", "192.0.2.1", 1), "line 2: field 5"},
		{strings.Replace(good, ",60,", ",-1,", 1), "line 2: field 7"},
		{strings.Replace(good, "c0000201", "c0x", 1), "line 2: field 8"},
	} {
		_, err := ReadEvents(strings.NewReader(good + c.line))
		require.ErrorContains(t, err, c.want)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterReportsErrors(t *testing.T) {
	t.Parallel()
	w := NewWriter(fullDisk{})
	w.Record(ev(0, 1, Ack, "192.0.2.1/32", 60))
	require.ErrorContains(t, w.Flush(), "disk full")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := Options{
		Family: sqlstore.IPv4, Clients: 1, Rate: 1,
		Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:67")},
		Relays:  []Relay{{Addr: netip.MustParseAddr("192.0.2.2")}},
	}
	require.NoError(t, good.Validate())
	for name, spoil := range map[string]func(*Options){
		"family 5":         func(o *Options) { o.Family = 5 },
		"at least one":     func(o *Options) { o.Servers = nil },
		"17 servers":       func(o *Options) { o.Servers = slices.Repeat(o.Servers, 17) },
		"server":           func(o *Options) { o.Servers = []netip.AddrPort{netip.MustParseAddrPort("[::1]:547")} },
		"relay":            func(o *Options) { o.Relays = []Relay{{}} },
		"circuit prefix":   func(o *Options) { o.Relays[0].CircuitPrefix = strings.Repeat("x", 65) },
		"32 bits":          func(o *Options) { o.First = 1 << 32 },
		"scenario":         func(o *Options) { o.Scenario = 9 },
		"mode":             func(o *Options) { o.Mode = 9 },
		"rate must":        func(o *Options) { o.Rate = 0 },
		"ramp needs":       func(o *Options) { o.Mode = Ramp },
		"give a rate":      func(o *Options) { o.Mode, o.Scenario = Saturate, Release },
		"needs a duration": func(o *Options) { o.Repeat = true },
		"be repeated":      func(o *Options) { o.Repeat, o.Duration, o.Scenario = true, 1, Release },
		"negative":         func(o *Options) { o.Tries = -1 },
	} {
		o := good
		o.Relays = slices.Clone(good.Relays)
		spoil(&o)
		require.ErrorContains(t, o.Validate(), name)
		_, err := Run(t.Context(), o)
		require.Error(t, err)
	}
}

func TestProcessCPUCountsChildren(t *testing.T) {
	t.Parallel()
	// A shell with two children that compute for a while: one is waited for,
	// one still runs.
	cmd := exec.Command("sh", "-c", "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; (while :; do :; done) & wait")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Wait() })
	t.Cleanup(func() {
		// The child is a process of its own: end it by its id, found as ours.
		all, err := processes()
		require.NoError(t, err)
		for pid, p := range all {
			if p.parent == cmd.Process.Pid {
				child, _ := os.FindProcess(pid)
				child.Kill()
			}
		}
		cmd.Process.Kill()
	})
	require.Eventually(t, func() bool {
		cpu, err := ProcessCPU(cmd.Process.Pid)
		return err == nil && cpu >= 100*time.Millisecond
	}, 20*time.Second, 20*time.Millisecond)
	_, err := ProcessCPU(1 << 30)
	require.ErrorContains(t, err, "no process 1073741824")
	own, err := SelfCPU()
	require.NoError(t, err)
	require.Positive(t, own)
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	p, err := parseStat([]byte("42 (a) b (c)) S 7 1 1 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 0"))
	require.NoError(t, err)
	require.Equal(t, process{parent: 7, cpu: 100 * time.Millisecond}, p)
	_, err = parseStat([]byte("42 (sh) S 7"))
	require.Error(t, err)
}
