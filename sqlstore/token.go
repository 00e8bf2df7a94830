package sqlstore

import (
	"context"
	"time"
)

// TokenKind tells what a token is for.
type TokenKind uint8

// The kinds of tokens.
const (
	APIToken     TokenKind = iota + 1 // for programs, until it is removed
	SessionToken                      // of somebody at the console, for some hours
)

// Token is a row of api_token. The token itself is nowhere: Hash is its SHA-256.
type Token struct {
	ID      string
	Kind    TokenKind
	Name    string // who has it
	Hash    []byte // 32 bytes; not returned by Tokens
	Created time.Time
	Expires time.Time     // zero: never; for display
	Life    time.Duration // AddToken: from now on, by database time; 0: for ever
}

// Revision is a row of config_revision.
type Revision struct {
	Number  int64
	At      time.Time
	Author  string
	Comment string
	Diff    string // what changed, a line for each Change
}

// AdminStore is what the API and the console need beside LeaseStore.
type AdminStore interface {
	// AddToken stores a token, and deletes those that have run out. With first,
	// only while there is no token of kind APIToken; ErrConflict if there is one.
	AddToken(ctx context.Context, t Token, first bool) error
	// TokenByHash returns the token with the hash; ErrNotFound when there is
	// none or it has run out.
	TokenByHash(ctx context.Context, hash []byte) (*Token, error)
	// Tokens lists tokens that have not run out, in order of creation.
	Tokens(ctx context.Context) ([]Token, error)
	// DeleteToken removes a token by id; ErrNotFound when there is none.
	DeleteToken(ctx context.Context, id string) error
	// Revisions lists revisions below a number (0: all), newest first.
	Revisions(ctx context.Context, below int64, limit int) ([]Revision, error)
	// NewestLeases returns the n live leases of a family whose holding began
	// last. It reads the whole table: there is no index on since.
	NewestLeases(ctx context.Context, f Family, n int) ([]Lease, error)
	// RetryName marks a name in DNS that is kept, as MarkNames does, and makes
	// none: people who look after names need no right to make them. ErrNotFound
	// when there is none.
	RetryName(ctx context.Context, name string) error
}
