package sqlite

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// A file that is removed, moved away or replaced while it is served is noticed
// before anything more is acknowledged, for good, and said once.
func TestFileRemovedOrReplaced(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, file string){
		"removed": func(t *testing.T, file string) { require.NoError(t, os.Remove(file)) },
		"moved":   func(t *testing.T, file string) { require.NoError(t, os.Rename(file, file+".old")) },
		"replaced": func(t *testing.T, file string) {
			require.NoError(t, os.Rename(migrated(t), file))
		},
	} {
		calls := map[string]func(*Store, int64) error{
			"heartbeat": func(s *Store, incarnation int64) error {
				_, _, err := s.Heartbeat(t.Context(), sqlstore.FrontendInfo{ID: "a", Incarnation: incarnation})
				return err
			},
			"ping": func(s *Store, _ int64) error { return s.Ping(t.Context()) },
			"apply": func(s *Store, incarnation int64) error {
				_, err := s.Apply(t.Context(), &sqlstore.Batch{
					Fence: sqlstore.Fence{Frontend: "a", Incarnation: incarnation}, Inserts: []sqlstore.Insert{offer4(2)},
				})
				return err
			},
		}
		for first, call := range calls {
			t.Run(name+"/"+first, func(t *testing.T) {
				file := migrated(t)
				var log bytes.Buffer
				s, err := Open(t.Context(), file, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
				require.NoError(t, err)
				t.Cleanup(func() { _ = s.Close() })
				incarnation, err := s.Register(t.Context(), sqlstore.FrontendInfo{ID: "a"})
				require.NoError(t, err)
				for what, c := range calls {
					require.NoError(t, c(s, incarnation), what)
				}
				away(t, file)
				require.ErrorIs(t, call(s, incarnation), sqlstore.ErrUnavailable)
				for what, c := range calls {
					err := c(s, incarnation)
					require.ErrorIs(t, err, sqlstore.ErrUnavailable, what)
					require.ErrorContains(t, err, "database file was removed or replaced", what)
				}
				require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), log.String())
				require.Contains(t, log.String(), "event=sqlite.file_replaced")
			})
		}
	}
}

// The file that comes back to its place is taken up again by a new start only.
func TestFileThatCameBackIsOpenedAnew(t *testing.T) {
	x := newFixture(t)
	x.insert(offer4(1))
	require.NoError(t, os.Rename(x.path, x.path+".old"))
	_, err := x.Apply(t.Context(), &sqlstore.Batch{})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.NoError(t, os.Rename(x.path+".old", x.path))
	_, err = x.Apply(t.Context(), &sqlstore.Batch{})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	res, err := openTest(t, x.path).Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(1)}})
	require.NoError(t, err)
	require.Equal(t, sqlstore.KeyExists, res.Inserts[0].Status)
}
