package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testTokens is what AdminStore promises, with no more than an admin may do.
func testTokens(t *testing.T, dialect string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *configured)
	}{
		{"round trip", tokenRoundTrip},
		{"expiry", tokenExpiry},
		{"unique", tokenUnique},
		{"first", tokenFirst},
		{"first race", tokenFirstRace},
		{"revisions", tokenRevisions},
		{"newest leases", tokenNewestLeases},
		{"retry name", tokenRetryName},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := migrated(t, dialect)
			test.run(t, &configured{db, Open(t, Login(t, db.owner, sqlstore.RoleAdmin))})
		})
	}
}

// token makes a token by a number, which nobody should know the secret of.
func token(n int, kind sqlstore.TokenKind, life time.Duration) sqlstore.Token {
	return sqlstore.Token{ID: fmt.Sprintf("id%d", n), Kind: kind, Name: fmt.Sprintf("person %d", n), Hash: tokenHash(n), Life: life}
}

func tokenHash(n int) []byte {
	sum := sha256.Sum256(fmt.Append(nil, "token ", n))
	return sum[:]
}

func tokenRoundTrip(t *testing.T, c *configured) {
	ctx := t.Context()
	list, err := c.store.Tokens(ctx)
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = c.store.TokenByHash(ctx, tokenHash(1))
	require.ErrorIs(t, err, sqlstore.ErrNotFound)

	now := c.db.now(t)
	require.NoError(t, c.store.AddToken(ctx, token(2, sqlstore.APIToken, 0), false))
	c.db.exec(t, "UPDATE api_token SET created_at = %s", c.db.back("created_at", time.Hour))
	require.NoError(t, c.store.AddToken(ctx, token(1, sqlstore.SessionToken, 12*time.Hour), false))
	got, err := c.store.TokenByHash(ctx, tokenHash(2))
	require.NoError(t, err)
	require.Equal(t, "id2", got.ID)
	require.Equal(t, "person 2", got.Name)
	require.Equal(t, sqlstore.APIToken, got.Kind)
	require.True(t, got.Expires.IsZero(), "for ever")
	require.Nil(t, got.Hash)
	require.InDelta(t, -3600, got.Created.Sub(now).Seconds(), 30)

	list, err = c.store.Tokens(ctx)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, *got, list[0], "in order of creation")
	require.Equal(t, sqlstore.SessionToken, list[1].Kind)
	require.Equal(t, 12*time.Hour, list[1].Expires.Sub(list[1].Created).Round(time.Second))
	require.Equal(t, time.UTC, list[1].Expires.Location())

	require.NoError(t, c.store.DeleteToken(ctx, "id2"))
	require.ErrorIs(t, c.store.DeleteToken(ctx, "id2"), sqlstore.ErrNotFound)
	require.ErrorIs(t, c.store.DeleteToken(ctx, "ID1"), sqlstore.ErrNotFound, "ids that differ in case are two")
	_, err = c.store.TokenByHash(ctx, tokenHash(2))
	require.ErrorIs(t, err, sqlstore.ErrNotFound)
}

// A token runs out by the clock of the database, and goes away with the next
// one that is made.
func tokenExpiry(t *testing.T, c *configured) {
	ctx := t.Context()
	require.NoError(t, c.store.AddToken(ctx, token(1, sqlstore.APIToken, time.Hour), false))
	require.NoError(t, c.store.AddToken(ctx, token(2, sqlstore.APIToken, 3*time.Hour), false))
	c.db.exec(t, "UPDATE api_token SET expires_at = %s", c.db.back("expires_at", 2*time.Hour))
	_, err := c.store.TokenByHash(ctx, tokenHash(1))
	require.ErrorIs(t, err, sqlstore.ErrNotFound)
	_, err = c.store.TokenByHash(ctx, tokenHash(2))
	require.NoError(t, err)
	list, err := c.store.Tokens(ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.EqualValues(t, 2, c.db.number(t, "SELECT count(*) FROM api_token"))
	require.NoError(t, c.store.AddToken(ctx, token(1, sqlstore.APIToken, 0), false), "its id and hash are free again")
	require.EqualValues(t, 2, c.db.number(t, "SELECT count(*) FROM api_token"))
}

func tokenUnique(t *testing.T, c *configured) {
	ctx := t.Context()
	require.NoError(t, c.store.AddToken(ctx, token(1, sqlstore.APIToken, 0), false))
	same := token(2, sqlstore.APIToken, 0)
	same.Hash = tokenHash(1)
	require.ErrorIs(t, c.store.AddToken(ctx, same, false), sqlstore.ErrConflict, "the hash")
	same = token(2, sqlstore.APIToken, 0)
	same.ID = "id1"
	require.ErrorIs(t, c.store.AddToken(ctx, same, false), sqlstore.ErrConflict, "the id")
	for what, change := range map[string]func(*sqlstore.Token){
		"no name":     func(t *sqlstore.Token) { t.Name = "" },
		"a long name": func(t *sqlstore.Token) { t.Name = strings.Repeat("n", 256) },
		"a half hash": func(t *sqlstore.Token) { t.Hash = t.Hash[:16] },
		"no kind":     func(t *sqlstore.Token) { t.Kind = 0 },
	} {
		bad := token(3, sqlstore.APIToken, 0)
		change(&bad)
		require.ErrorIs(t, c.store.AddToken(ctx, bad, false), sqlstore.ErrData, what)
	}
	require.EqualValues(t, 1, c.db.number(t, "SELECT count(*) FROM api_token"))
}

// The first token is made while there is none; sessions are no tokens, and one
// that has run out is none any more.
func tokenFirst(t *testing.T, c *configured) {
	ctx := t.Context()
	require.NoError(t, c.store.AddToken(ctx, token(1, sqlstore.SessionToken, time.Hour), true))
	require.NoError(t, c.store.AddToken(ctx, token(2, sqlstore.APIToken, time.Hour), true))
	require.ErrorIs(t, c.store.AddToken(ctx, token(3, sqlstore.APIToken, 0), true), sqlstore.ErrConflict)
	c.db.exec(t, "UPDATE api_token SET expires_at = %s", c.db.back("expires_at", 2*time.Hour))
	require.NoError(t, c.store.AddToken(ctx, token(3, sqlstore.APIToken, 0), true))
}

// Of many processes that start at once, one makes the first token.
func tokenFirstRace(t *testing.T, c *configured) {
	var wg sync.WaitGroup
	var made atomic.Int32
	for n := range 8 {
		wg.Go(func() {
			err := c.store.AddToken(context.Background(), token(n, sqlstore.APIToken, 0), true)
			if err == nil {
				made.Add(1)
				return
			}
			require.ErrorIs(t, err, sqlstore.ErrConflict)
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, made.Load())
	require.EqualValues(t, 1, c.db.number(t, "SELECT count(*) FROM api_token"))
}

func tokenRevisions(t *testing.T, c *configured) {
	ctx := t.Context()
	list, err := c.store.Revisions(ctx, 0, 10)
	require.NoError(t, err)
	require.Empty(t, list)
	now := c.db.now(t)
	for i, comment := range []string{"one", "two ünïcode", ""} {
		config, err := c.store.LoadConfig(ctx)
		require.NoError(t, err)
		config.Parameters = sqlstore.Parameters{"valid_lifetime": fmt.Sprint(1000 + i)}
		_, err = c.store.ApplyConfig(ctx, config.Revision, config, "somebody", comment)
		require.NoError(t, err)
	}
	list, err = c.store.Revisions(ctx, 0, 2)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.EqualValues(t, 3, list[0].Number, "newest first")
	require.Empty(t, list[0].Comment)
	require.Equal(t, "two ünïcode", list[1].Comment)
	require.Equal(t, "somebody", list[1].Author)
	require.InDelta(t, 0, list[1].At.Sub(now).Seconds(), 60)
	list, err = c.store.Revisions(ctx, list[1].Number, 2)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.EqualValues(t, 1, list[0].Number)
}

// Only live leases are among the newest ones, and a renewal makes none new.
func tokenNewestLeases(t *testing.T, c *configured) {
	serving := Open(t, Login(t, c.db.owner, sqlstore.RoleFrontend))
	for _, v := range []variant{variants[0], variants[1]} {
		b := &bench{v, c.db, serving, newVRF()}
		for i, state := range []string{"offered", "active", "active", "runout", "released", "active"} {
			l := b.row(t, i+1, state)
			if state == "active" { // the later ones began earlier
				by := time.Duration(i) * time.Minute
				c.db.age(t, v.family, l.Key, by)
			}
		}
		first := b.read(t, b.key(b.vrf, 6))
		b.do(t, sqlstore.Activate, first, 0)
		got, err := c.store.NewestLeases(t.Context(), v.family, 10)
		require.NoError(t, err)
		require.Len(t, got, 3)
		for i, client := range []int{2, 3, 6} {
			require.Equal(t, v.addr(client), got[i].Addr)
			require.True(t, got[i].Live())
			require.Equal(t, v.client(client).Hostname, got[i].Client.Hostname)
			require.Equal(t, v.family, got[i].Family)
		}
		got, err = c.store.NewestLeases(t.Context(), v.family, 2)
		require.NoError(t, err)
		require.Len(t, got, 2)
	}
}

// A name that is kept is due at once; no other is made.
func tokenRetryName(t *testing.T, c *configured) {
	ctx := t.Context()
	require.ErrorIs(t, c.store.RetryName(ctx, "pc.example.org"), sqlstore.ErrNotFound)
	require.Zero(t, c.db.number(t, "SELECT count(*) FROM dns_name"))
	worker := Open(t, Login(t, c.db.owner, sqlstore.RoleDDNS))
	require.NoError(t, worker.MarkNames(ctx, []sqlstore.NameMark{{Name: "pc.example.org", Zone: "example.org"}}))
	claimed, err := worker.ClaimNames(ctx, "w", time.Minute, 10, nil)
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	_, err = worker.FinishNames(ctx, "w", []sqlstore.NameOutcome{{
		Name: "pc.example.org", Claim: claimed[0].Claim, Version: claimed[0].Version, Zone: "example.org", State: sqlstore.NameConflict, Retry: time.Hour, Error: "taken",
	}})
	require.NoError(t, err)
	claimed, err = worker.ClaimNames(ctx, "w", time.Minute, 10, nil)
	require.NoError(t, err)
	require.Empty(t, claimed, "in an hour")
	require.NoError(t, c.store.RetryName(ctx, "pc.example.org"))
	claimed, err = worker.ClaimNames(ctx, "w", time.Minute, 10, nil)
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	require.Equal(t, "example.org", claimed[0].Zone)
	list, err := c.store.DNSNames(ctx, sqlstore.NameFilter{})
	require.NoError(t, err)
	require.Equal(t, sqlstore.NamePending, list[0].State)
}
