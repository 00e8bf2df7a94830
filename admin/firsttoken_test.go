package admin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

func TestFirstToken(t *testing.T) {
	store := storetest.Open(t, storetest.Migrated(t, "sqlite"))
	dir := filepath.Join(t.TempDir(), "state")
	file, err := makeFirstToken(t.Context(), store, dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "admin.token"), file)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	found, err := store.TokenByHash(t.Context(), hashToken(strings.TrimSuffix(string(text), "\n")))
	require.NoError(t, err)
	require.Equal(t, sqlstore.APIToken, found.Kind)

	again, err := makeFirstToken(t.Context(), store, dir)
	require.NoError(t, err)
	require.Empty(t, again, "there is one")
	same, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text, same)
	requireFiles(t, dir, "admin.token")
}

func requireFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	require.Equal(t, want, names)
}

// Of many processes with one state folder, one makes the token that the file
// has, and nothing else is left.
func TestFirstTokenRace(t *testing.T) {
	store := storetest.Open(t, storetest.Migrated(t, "sqlite"))
	dir := t.TempDir()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			_, err := makeFirstToken(context.Background(), store, dir)
			require.NoError(t, err)
		})
	}
	wait.Wait()
	requireFiles(t, dir, "admin.token")
	list, err := store.Tokens(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	text, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	require.NoError(t, err)
	_, err = store.TokenByHash(t.Context(), hashToken(strings.TrimSpace(string(text))))
	require.NoError(t, err)
}

// lostStore stores the token and says that it does not know.
type lostStore struct {
	sqlstore.Store
	stored bool
}

func (l *lostStore) AddToken(ctx context.Context, t sqlstore.Token, first bool) error {
	if l.stored {
		if err := l.Store.AddToken(ctx, t, first); err != nil {
			return err
		}
	}
	return sqlstore.ErrUnavailable
}

// Whenever a process dies, the token is in a file or there is none.
func TestFirstTokenAfterACrash(t *testing.T) {
	for _, stored := range []bool{true, false} {
		store := storetest.Open(t, storetest.Migrated(t, "sqlite"))
		dir := t.TempDir()
		_, err := makeFirstToken(t.Context(), &lostStore{store, stored}, dir)
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
		left, err := filepath.Glob(filepath.Join(dir, "admin.token.*"))
		require.NoError(t, err)
		require.Len(t, left, 1)
		require.NoError(t, os.Chtimes(left[0], time.Now(), time.Now().Add(-2*orphanAge)))
		file, err := makeFirstToken(t.Context(), store, dir)
		require.NoError(t, err)
		require.NotEmpty(t, file)
		requireFiles(t, dir, "admin.token")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = store.TokenByHash(t.Context(), hashToken(strings.TrimSpace(string(text))))
		require.NoError(t, err)
	}
}

// Files that somebody else put beside the token are left alone.
func TestFirstTokenLeavesOtherFiles(t *testing.T) {
	store := storetest.Open(t, storetest.Migrated(t, "sqlite"))
	dir := t.TempDir()
	others := []string{"admin.token.bak", "admin.token.old", "admin.token.0123456789abcdeg", "admin.token.01234567"}
	for _, name := range others {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte("mine\n"), 0o600))
		require.NoError(t, os.Chtimes(name, time.Now(), time.Now().Add(-2*orphanAge)))
	}
	file, err := makeFirstToken(t.Context(), store, dir)
	require.NoError(t, err)
	require.NotEmpty(t, file)
	requireFiles(t, dir, "admin.token", "admin.token.01234567", "admin.token.0123456789abcdeg", "admin.token.bak", "admin.token.old")
}
