//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

const (
	configSubnets = 10_000
	configChanges = 20
	configClients = 1000
)

// BenchmarkConfig measures what a change of the configuration takes at 10,000
// subnets: to apply it as a document, to load all of it, and from the commit of
// a changed row until two frontends use it, while clients renew (the median and
// the longest of some changes). Use -benchtime 1x.
func BenchmarkConfig(b *testing.B) {
	program := build(b)
	c := parseSite(b, configDocument())
	for _, engine := range storetest.Dialects {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				f := &frontends{program: program, engine: engine, database: storetest.Migrated(b, engine)}
				store := storetest.Open(b, f.database)
				fmt.Printf("engine: %s\n", store.Version())
				begun := time.Now()
				_, err := store.ApplyConfig(b.Context(), sqlstore.AnyRevision, c, "bench", "")
				require.NoError(b, err)
				b.ReportMetric(millis(time.Since(begun)), "apply-ms")
				begun = time.Now()
				_, err = store.LoadConfig(b.Context())
				require.NoError(b, err)
				b.ReportMetric(millis(time.Since(begun)), "load-ms")
				f.start(b)
				if engine != "sqlite" {
					f.start(b)
				}
				f.live(b)
				f.stop()
				require.NoError(b, store.Close())
			}
		})
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// configDocument has subnets with a pool each; the first has room for clients.
func configDocument() string {
	var text strings.Builder
	text.WriteString(settings + "subnets:\n  - {subnet: 10.128.0.0/16, pools: [{pool: 10.128.1.0 - 10.128.255.250}]}\n")
	for i := range configSubnets - 1 {
		net := fmt.Sprintf("10.%d.%d.", i/256, i%256)
		fmt.Fprintf(&text, "  - {subnet: %s0/24, parameters: {valid_lifetime: 7200}, pools: [{pool: %s10 - %s250}]}\n", net, net, net)
	}
	return text.String()
}

// live changes a row again and again while clients renew.
func (f *frontends) live(b *testing.B) {
	b.Helper()
	t := openTables(b, f.engine, f.database)
	o := f.new(configClients, netip.MustParseAddr("10.128.0.1"))
	for _, fe := range f.list {
		o.Servers = append(o.Servers, fe.DHCP4...)
	}
	o.Mode, o.Outstanding = load.Rate, 0
	o.Rate = 1000
	first, err := load.Run(b.Context(), o)
	require.NoError(b, err)
	o.Scenario, o.Leases, o.Repeat, o.Duration = load.Renew, first.Leases, true, 8*time.Second
	o.Rate = 300
	done := make(chan *load.Result, 1)
	go func() {
		r, _ := load.Run(b.Context(), o)
		done <- r
	}()
	var took []float64
	for i := range configChanges {
		took = append(took, millis(f.change(b, t, i)))
		time.Sleep(50 * time.Millisecond) // not in step with anybody
	}
	renewed := <-done
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "live-ms")
	b.ReportMetric(took[len(took)-1], "longest-ms")
	require.NotNil(b, renewed)
	b.ReportMetric(float64(renewed.Completed), "renewals")
	b.ReportMetric(100*renewed.Lost(), "failed-%")
}

// change writes one row, and returns how long after its commit all frontends had
// it in use.
func (f *frontends) change(b *testing.B, t *tables, i int) time.Duration {
	b.Helper()
	_, err := t.db.ExecContext(b.Context(), "UPDATE parameter SET value = '"+strconv.Itoa(3000+i)+"' WHERE scope = 'subnet' AND scope_id = 5000")
	require.NoError(b, err)
	begun := time.Now()
	for {
		var behind int
		row := t.db.QueryRowContext(b.Context(), "SELECT count(*) FROM frontend WHERE revision < (SELECT revision FROM config_head)")
		require.NoError(b, row.Scan(&behind))
		if behind == 0 {
			return time.Since(begun)
		}
		require.Less(b, time.Since(begun), 10*time.Second)
		time.Sleep(time.Millisecond)
	}
}
