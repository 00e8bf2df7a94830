package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// keptConfig is a configuration with something of everything.
func keptConfig(revision int64) *sqlstore.Config {
	pool := func(id, gen uint32, kind sqlstore.Kind, first, last string, length uint8) *sqlstore.Pool {
		return &sqlstore.Pool{
			ID: id, Gen: gen, SubnetID: id, LinkID: 3, VRF: 7, Kind: kind, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last),
			DelegatedLen: length, PermKey: 1<<63 + uint64(id), Comment: "<pool> & \u2028 \"é\"",
		}
	}
	v4 := &sqlstore.Subnet{
		ID: 1, LinkID: 3, PreviousLinkID: 2, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Relays: []netip.Addr{netip.MustParseAddr("198.51.100.1")},
		Interface: "eth0", Parameters: sqlstore.Parameters{"valid_lifetime": "600"}, Notes: sqlstore.Notes{"valid_lifetime": "short"},
		Pools: []*sqlstore.Pool{pool(1, 2, sqlstore.NA, "192.0.2.10", "192.0.2.99", 32)},
	}
	v6 := &sqlstore.Subnet{
		ID: 2, LinkID: 3, Prefix: netip.MustParsePrefix("2001:db8::/64"), InterfaceID: []byte{0, 255}, Closing: true,
		Pools: []*sqlstore.Pool{
			pool(2, 1, sqlstore.NA, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 128), pool(3, 4, sqlstore.PD, "2001:db8:8000::", "2001:db8:8000:ff00::", 56),
		},
	}
	return &sqlstore.Config{
		Revision: revision, ServerDUID: []byte{0, 3, 0, 1, 254}, Comment: "site", Parameters: sqlstore.Parameters{"reclaim_grace": "90"},
		Options:  []sqlstore.OptionData{{Family: sqlstore.IPv4, Code: 3, Name: "routers", Data: "192.0.2.1", Always: true}},
		VRFs:     []sqlstore.VRF{{ID: 7, Interfaces: []string{"eth7"}, Relays: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}},
		Links:    []*sqlstore.Link{{ID: 3, Name: "shared", VRF: 7, Subnets: []*sqlstore.Subnet{v4, v6}}},
		TSIGKeys: []sqlstore.TSIGKey{{Name: "key.example", Algorithm: "hmac-sha256", Fingerprint: "00112233"}},
		Zones:    []sqlstore.DNSZone{{Name: "example.org", Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort("[2001:db8::53]:53"), Transport: "tcp", Key: "key.example"}}}},
	}
}

func TestKeptFileIsWhatWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "kept.json")
	want := keptConfig(1 << 60)
	want.TSIGKeys[0].Secret = "bm90IGZvciBkaXNr"
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file+".new", []byte("of a process that was killed"), 0o644))
	require.NoError(t, writeKept(file, keptConfig(1)))
	require.NoError(t, writeKept(file, want))
	got, err := readKept(file)
	require.NoError(t, err)
	want.TSIGKeys[0].Secret = ""
	require.Equal(t, want, got)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(data), "bm90IGZvciBkaXNr")
	info, err := os.Stat(file)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// However the file is cut or changed, it is refused and does no harm.
func TestBrokenKeptFile(t *testing.T) {
	data, err := encodeKept(keptConfig(5))
	require.NoError(t, err)
	for n := range data {
		_, err := decodeKept(data[:n])
		require.Error(t, err, "cut after %d bytes", n)
		broken := bytes.Clone(data)
		broken[n] ^= 1
		got, err := decodeKept(broken)
		if err == nil { // the case of a name in the first line
			require.Equal(t, keptConfig(5), got, "byte %d changed", n)
		}
	}
	_, err = decodeKept(bytes.Replace(data, []byte(`"format":1`), []byte(`"format":2`), 1))
	require.EqualError(t, err, "its format is 2, and not 1")
}

func FuzzKeptFile(f *testing.F) {
	data, err := encodeKept(keptConfig(5))
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte("{\"format\":1,\"sha256\":\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}\n{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := decodeKept(data)
		require.Equal(t, err == nil, cfg != nil)
	})
}

// keeper is a start with a file, of whose database the newest revision is bad.
type keeper struct {
	f    *fakeStore
	file string
	log  logged
	good []int64 // revisions that were taken
	bad  map[int64]bool
}

func newKeeper(t *testing.T, kept, newest *sqlstore.Config) *keeper {
	k := &keeper{f: &fakeStore{config: newest}, file: filepath.Join(t.TempDir(), "kept.json"), bad: map[int64]bool{newest.Revision: true}}
	if kept != nil {
		require.NoError(t, writeKept(k.file, kept))
	}
	return k
}

func (k *keeper) start(t *testing.T) *Engine {
	return running(t, k.f, func(c *Config) {
		c.KeepFile, c.Logger = k.file, slog.New(slog.NewTextHandler(&k.log, nil))
		c.OnConfig = func(cfg *sqlstore.Config) error {
			if k.bad[cfg.Revision] {
				return errors.New("faulty")
			}
			k.good = append(k.good, cfg.Revision)
			return nil
		}
	})
}

// The configuration in use is kept, the newest one at most once a second, and
// what is left with the end of the process.
func TestConfigIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(t, nil, keptConfig(1))
		k.bad = nil
		e := k.start(t)
		revision := func() int64 {
			cfg, err := readKept(k.file)
			require.NoError(t, err)
			return cfg.Revision
		}
		require.EqualValues(t, 1, revision())
		for next := range int64(3) {
			k.f.set(keptConfig(next+2), nil)
			time.Sleep(250 * time.Millisecond)
			synctest.Wait()
			require.Equal(t, next+2, using(e))
		}
		require.EqualValues(t, 1, revision(), "not within a second")
		time.Sleep(500 * time.Millisecond)
		require.EqualValues(t, 4, revision())
		k.f.set(keptConfig(5), nil)
		time.Sleep(300 * time.Millisecond)
		require.EqualValues(t, 5, using(e))
		require.EqualValues(t, 4, revision())
		require.NoError(t, e.Stop(t.Context()))
		require.EqualValues(t, 5, revision())
		require.Zero(t, k.log.count("config.not_kept"))
	})
}

// A folder that cannot be written stops nothing and is told of once; when it can
// be, the configuration is there.
func TestConfigCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(t, nil, keptConfig(1))
		k.bad = nil
		folder := filepath.Join(t.TempDir(), "state")
		k.file = filepath.Join(folder, "kept.json")
		require.NoError(t, os.WriteFile(folder, nil, 0o600)) // a file in its place
		e := k.start(t)
		time.Sleep(10 * keepAgain)
		require.NoError(t, e.NotReady())
		require.Equal(t, 1, k.log.count("config.not_kept"))
		require.NoError(t, os.Remove(folder))
		time.Sleep(2 * keepAgain)
		cfg, err := readKept(k.file)
		require.NoError(t, err)
		require.EqualValues(t, 1, cfg.Revision)
	})
}

// Where the newest configuration is refused at the start, the last good one is
// used, until a good one comes.
func TestStartFromKeptFile(t *testing.T) {
	for name, unread := range map[string]error{"refused": nil, "unreadable": sqlstore.ErrData} {
		for _, remembered := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					k := newKeeper(t, keptConfig(5), keptConfig(7))
					if remembered {
						k.f.past = map[int64]*sqlstore.Config{5: keptConfig(5)}
					}
					k.f.unread = unread
					e := k.start(t)
					if unread != nil && !remembered {
						require.Zero(t, using(e), "it may be of any database")
						require.Equal(t, 1, k.log.count("config.file_refused"))
						return
					}
					revision, why := e.Revision()
					require.EqualValues(t, 5, revision)
					require.Error(t, why)
					require.NoError(t, e.NotReady())
					require.Equal(t, [2]int64{5, 7}, [2]int64{k.f.told().Revision, k.f.told().RefusedRevision})
					require.Equal(t, 1, k.log.count("config.restored"))
					require.EqualValues(t, 90, e.times.Load().grace)
					k.f.set(keptConfig(8), nil)
					time.Sleep(2 * time.Second)
					require.EqualValues(t, 8, using(e))
					require.Equal(t, []int64{5, 8}, k.good)
					require.Equal(t, []int64{5}, k.f.knownRevisions())
					kept, err := readKept(k.file)
					require.NoError(t, err)
					require.EqualValues(t, 8, kept.Revision)
				})
			})
		}
	}
}

// Pools that may have changed since the file was written hand out nothing new.
func TestKeptPoolsYield(t *testing.T) {
	waiting := func(newest *sqlstore.Config) (ids []uint32) {
		for gen := range *given(keptConfig(5), newest) {
			ids = append(ids, gen.id)
		}
		slices.Sort(ids)
		return ids
	}
	require.Empty(t, waiting(keptConfig(7)))
	newest := keptConfig(7)
	newest.Links[0].Subnets[0].Pools[0].Gen++
	newest.Links[0].Subnets[1].Pools = newest.Links[0].Subnets[1].Pools[1:]
	require.Equal(t, []uint32{1, 2}, waiting(newest))
	newest = keptConfig(7)
	newest.Links[0].Subnets[0].Pools[0].Closing = true
	newest.Links[0].Subnets[1].Pools[1].Waiting = true
	require.Equal(t, []uint32{1, 3}, waiting(newest), "what is closed may have given up its range")
	require.Equal(t, []uint32{2, 3}, waiting(nil), "those whose ranges are nobody's by the constraint on addresses")
}

func TestKeptFileIsRefused(t *testing.T) {
	other := keptConfig(5)
	other.ServerDUID = []byte{1}
	for name, c := range map[string]struct {
		kept *sqlstore.Config
		past *sqlstore.Config
		bad  []int64
		lost error // why the past cannot be read
		why  string
	}{
		"past unreadable":         {kept: keptConfig(5), lost: sqlstore.ErrUnavailable, why: "cannot be compared"},
		"newer than the database": {kept: keptConfig(8), why: "it is revision 8, and the database is at 7"},
		"of another database":     {kept: other, why: "another database"},
		"of another past":         {kept: keptConfig(5), past: &sqlstore.Config{Revision: 5, ServerDUID: other.ServerDUID}, why: "not what revision 5"},
		"does not compile either": {kept: keptConfig(5), bad: []int64{5}, why: "faulty"},
		"the same one":            {kept: keptConfig(7), why: "faulty"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeeper(t, c.kept, keptConfig(7))
				for _, revision := range c.bad {
					k.bad[revision] = true
				}
				k.f.noPast = c.lost
				if c.past != nil {
					k.f.past = map[int64]*sqlstore.Config{5: c.past}
				}
				e := k.start(t)
				revision, why := e.Revision()
				require.Zero(t, revision)
				require.ErrorContains(t, why, "faulty")
				require.Equal(t, 1, k.log.count("config.file_refused"))
				require.Contains(t, k.log.String(), c.why)
				k.f.set(keptConfig(9), nil)
				time.Sleep(time.Second)
				require.EqualValues(t, 9, using(e))
			})
		})
	}
	t.Run("none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := newKeeper(t, nil, keptConfig(7))
			require.Zero(t, using(k.start(t)))
			require.Zero(t, k.log.count("config.file_refused"), "a first start has none")
		})
	})
	t.Run("a folder", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := newKeeper(t, nil, keptConfig(7))
			require.NoError(t, os.Mkdir(k.file, 0o700))
			require.Zero(t, using(k.start(t)))
			require.Equal(t, 1, k.log.count("config.file_refused"))
		})
	})
}
