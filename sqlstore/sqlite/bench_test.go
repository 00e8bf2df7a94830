package sqlite

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// An exchange of a new client is an insert and an activate, each in a batch of
// the given size, durable. The figure per operation is one exchange.
func BenchmarkApply(b *testing.B) {
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		for _, size := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%s/batch=%d", f, size), func(b *testing.B) { benchmarkExchange(b, f, size) })
		}
	}
}

func benchmarkExchange(b *testing.B, f sqlstore.Family, size int) {
	s := openTest(b, migrated(b))
	b.ReportAllocs()
	n := 0
	for n < b.N {
		offers, commits := &sqlstore.Batch{}, &sqlstore.Batch{}
		for range min(size, b.N-n) {
			in := benchOffer(f, n)
			offers.Inserts = append(offers.Inserts, in)
			commits.Updates = append(commits.Updates, commit(in))
			n++
		}
		for _, batch := range []*sqlstore.Batch{offers, commits} {
			res, err := s.Apply(b.Context(), batch)
			require.NoError(b, err)
			for _, r := range res.Inserts {
				require.Equal(b, sqlstore.Inserted, r.Status)
			}
			for _, r := range res.Updates {
				require.Equal(b, sqlstore.Updated, r.Status)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exchanges/s")
}

// A renewal is one update of an active row.
func BenchmarkRenew(b *testing.B) {
	for _, size := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := openTest(b, migrated(b))
			batch := &sqlstore.Batch{}
			for n := range size {
				in := benchOffer(sqlstore.IPv4, n)
				batch.Updates = append(batch.Updates, commit(in))
				_, err := s.Apply(b.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{in}})
				require.NoError(b, err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += size {
				res, err := s.Apply(b.Context(), batch)
				require.NoError(b, err)
				require.Equal(b, sqlstore.Updated, res.Updates[size-1].Status)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "renewals/s")
		})
	}
}

// benchOffer spreads the keys as hardware addresses do, and takes addresses in
// order.
func benchOffer(f sqlstore.Family, n int) sqlstore.Insert {
	h := uint32(n) * 2654435761
	mac := []byte{2, 0, byte(h >> 24), byte(h >> 16), byte(h >> 8), byte(h)}
	in := offer4(n)
	in.Addr = addr4(0)
	if f == sqlstore.IPv6 {
		in = offer6(n)
		in.Key = sqlstore.IAKey(1, sqlstore.KeyDUID, append([]byte{0, 3, 0, 1}, mac...), 7, sqlstore.NA, 0)
	} else {
		in.Key = sqlstore.ClientKey(1, sqlstore.KeyHWAddr, append([]byte{1}, mac...))
	}
	a := in.Addr.AsSlice()
	a[len(a)-3], a[len(a)-2], a[len(a)-1] = byte(n>>16), byte(n>>8), byte(n)
	in.Addr = address(a)
	in.Client.HWAddr = mac
	return in
}
