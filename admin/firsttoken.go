package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rowlock/sqlstore"
)

// TokenFile is where the first token is, in the state folder.
const TokenFile = "admin.token"

const (
	firstTokenName = "first token"
	firstRetry     = 5 * time.Second
	// A file of a token that is not stored belongs to somebody who is just
	// storing it, or to one who died over it. After this it is the latter.
	orphanAge = time.Minute
)

// firstToken makes the first token, as often as it takes. Without one the role
// serves all the same: `rowlock token add` makes one as well.
func (s *Server) firstToken(ctx context.Context) {
	if s.cfg.StateDir == "" {
		return
	}
	said := ""
	for {
		made, err := makeFirstToken(ctx, s.store, s.cfg.StateDir)
		if err == nil {
			if made != "" {
				s.log.Info("first token made; its text is in a file", "event", "admin.first_token", "file", made)
			}
			return
		}
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			said = text
			s.log.Warn("first token could not be made, trying again (`rowlock token add NAME` makes one too)", "event", "admin.first_token_failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(firstRetry):
		}
	}
}

// makeFirstToken makes a token where there is none and returns the name of the
// file that has it, "" when there was one. The text is on disk before the row
// is stored, and under a name of its own, so that at no moment there is a token
// that nobody knows, whoever dies or is faster.
func makeFirstToken(ctx context.Context, store Store, dir string) (file string, err error) {
	file = filepath.Join(dir, TokenFile)
	if found, err := adoptTokenFiles(ctx, store, dir, file); found || err != nil {
		return file, err
	}
	list, err := store.Tokens(ctx)
	if err != nil {
		return "", fmt.Errorf("look for tokens: %w", err)
	}
	for _, t := range list {
		if t.Kind == sqlstore.APIToken {
			return "", nil
		}
	}
	text, row := newToken(sqlstore.APIToken, firstTokenName, 0)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make state folder: %w", err)
	}
	own := file + "." + row.ID
	if err := writeSecret(own, text); err != nil {
		return "", errors.Join(err, forget(own))
	}
	err = store.AddToken(ctx, row, true)
	if errors.Is(err, sqlstore.ErrConflict) { // somebody else was first
		return "", forget(own)
	}
	if err != nil { // perhaps it is stored: the next look tells
		return "", fmt.Errorf("store first token: %w", err)
	}
	return file, keep(own, file)
}

// adoptTokenFiles looks after the files of those who did not come to the end:
// the one whose token is stored gets its name, old ones go away.
func adoptTokenFiles(ctx context.Context, store Store, dir, file string) (found bool, err error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read state folder: %w", err)
	}
	for _, entry := range list {
		if !ownTokenFile(entry.Name()) {
			continue
		}
		name := filepath.Join(dir, entry.Name())
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("read token file: %w", err)
		}
		_, err = store.TokenByHash(ctx, hashToken(strings.TrimSpace(string(text))))
		switch {
		case err == nil:
			return true, keep(name, file)
		case !errors.Is(err, sqlstore.ErrNotFound):
			return false, fmt.Errorf("look for token: %w", err)
		}
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > orphanAge {
			if err := forget(name); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// ownTokenFile tells whether a file is one that makeFirstToken made. Copies that
// somebody keeps are called something else, and are theirs.
func ownTokenFile(name string) bool {
	id, ok := strings.CutPrefix(name, TokenFile+".")
	_, err := hex.DecodeString(id)
	return ok && err == nil && len(id) == hex.EncodedLen(idBytes)
}

// writeSecret makes a file that only its owner can read.
func writeSecret(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make token file: %w", err)
	}
	_, err = f.WriteString(text + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	return nil
}

// keep gives the file its name, for good. Somebody who looked after the files
// of others may have done so already.
func keep(name, file string) error {
	err := os.Rename(name, file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, there := os.Stat(file); there == nil {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("name token file: %w", err)
	}
	return nil
}

func forget(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove token file: %w", err)
	}
	return nil
}
