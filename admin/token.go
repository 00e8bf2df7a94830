package admin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"rowlock/sqlstore"
)

// Prefix begins every token, so that people and programs that look for secrets
// in the wrong place know one.
const Prefix = "rowlock_"

// What tokens are made of.
const (
	tokenBytes   = 32
	tokenLength  = len(Prefix) + 43 // base64url of 32 bytes has 43 characters
	idBytes      = 8
	maxTokenName = 255
)

// SessionLife is how long somebody stays logged in at the console, unless the
// token runs out before.
const SessionLife = 12 * time.Hour

// newToken makes a token and its row. The text is nowhere but in the result.
func newToken(kind sqlstore.TokenKind, name string, life time.Duration) (text string, row sqlstore.Token) {
	secret, id := make([]byte, tokenBytes), make([]byte, idBytes)
	_, _ = rand.Read(secret) // it never fails
	_, _ = rand.Read(id)
	text = Prefix + base64.RawURLEncoding.EncodeToString(secret)
	return text, sqlstore.Token{ID: hex.EncodeToString(id), Kind: kind, Name: name, Hash: hashToken(text), Life: life}
}

// hashToken is how a token is stored and found: it has 256 random bits, so
// nothing slower than SHA-256 is needed.
func hashToken(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// looksLikeToken tells whether it is worth asking the database.
func looksLikeToken(text string) bool {
	if len(text) != tokenLength || !strings.HasPrefix(text, Prefix) {
		return false
	}
	_, err := base64.RawURLEncoding.DecodeString(text[len(Prefix):])
	return err == nil
}

// AddToken makes a token for somebody and stores it; a life of 0 is for ever.
// The text is returned once and cannot be had again.
func AddToken(ctx context.Context, store sqlstore.AdminStore, name string, life time.Duration) (text string, row sqlstore.Token, err error) {
	if err := checkTokenName(name); err != nil {
		return "", row, err
	}
	if life < 0 {
		return "", row, errors.New("a token cannot run out before it is made")
	}
	text, row = newToken(sqlstore.APIToken, name, life)
	if err := store.AddToken(ctx, row, false); err != nil {
		return "", row, fmt.Errorf("add token: %w", err)
	}
	return text, row, nil
}

// checkTokenName refuses names that a list would not show as they are.
func checkTokenName(name string) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(name) == "" || len(name) > maxTokenName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("a token's name has 1 to %d bytes that can be printed: it says who has the token", maxTokenName)
	}
	return nil
}

// RemoveToken removes a token and the sessions that were begun with it. Whoever
// logs in at the same moment looks for the token once more afterwards. Where the
// token is gone and sessions of it are left, because somebody did not come to
// the end, it removes these.
func RemoveToken(ctx context.Context, store sqlstore.AdminStore, id string) error {
	missing := store.DeleteToken(ctx, id)
	if missing != nil && !errors.Is(missing, sqlstore.ErrNotFound) {
		return fmt.Errorf("remove token: %w", missing)
	}
	list, err := store.Tokens(ctx)
	if err != nil {
		return fmt.Errorf("remove sessions of token %s: %w", id, err)
	}
	for _, t := range list {
		if t.Kind != sqlstore.SessionToken || !strings.HasPrefix(t.ID, id+".") {
			continue
		}
		if err := store.DeleteToken(ctx, t.ID); err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
			return fmt.Errorf("remove session of token %s: %w", id, err)
		}
		missing = nil
	}
	if missing != nil {
		return fmt.Errorf("remove token: %w", missing)
	}
	return nil
}

// newSession makes a session for whoever has shown a token. Its id tells which
// one, so that it goes away together with the token.
func newSession(by *sqlstore.Token, life time.Duration) (text string, row sqlstore.Token) {
	text, row = newToken(sqlstore.SessionToken, by.Name, life)
	row.ID = by.ID + "." + row.ID
	return text, row
}
