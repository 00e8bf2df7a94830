package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rowlock/sqlstore"
)

// keptFormat is the version of the file; another one is refused.
const keptFormat = 1

// The file has two lines of JSON: a keptHead, then a keptBody.
type keptHead struct {
	Format int    `json:"format"`
	SHA256 string `json:"sha256"` // of the second line
}

// keptBody is a configuration. The keys of the order in which IPv6 pools are
// handed out come from the secret of the database, and are not part of it.
type keptBody struct {
	Config   *sqlstore.Config  `json:"config"`
	PermKeys map[uint32]uint64 `json:"perm_keys"` // by pool
}

func encodeKept(cfg *sqlstore.Config) ([]byte, error) {
	body := keptBody{cfg, map[uint32]uint64{}}
	for p := range poolsOf(cfg) {
		body.PermKeys[p.ID] = p.PermKey
	}
	second, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	sum := sha256.Sum256(second)
	first, err := json.Marshal(keptHead{keptFormat, hex.EncodeToString(sum[:])})
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return bytes.Join([][]byte{first, second, nil}, []byte("\n")), nil
}

func decodeKept(data []byte) (*sqlstore.Config, error) {
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	second, _, whole := bytes.Cut(rest, []byte("\n"))
	var head keptHead
	if err := json.Unmarshal(first, &head); err != nil {
		return nil, fmt.Errorf("it is broken: %w", err)
	}
	if head.Format != keptFormat {
		return nil, fmt.Errorf("its format is %d, and not %d", head.Format, keptFormat)
	}
	if sum := sha256.Sum256(second); !whole || head.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, errors.New("it is broken: not what was written")
	}
	var body keptBody
	if err := json.Unmarshal(second, &body); err != nil {
		return nil, fmt.Errorf("it is broken: %w", err)
	}
	if body.Config == nil {
		return nil, errors.New("it is broken: no configuration")
	}
	for p := range poolsOf(body.Config) {
		p.PermKey = body.PermKeys[p.ID]
	}
	return body.Config, nil
}

// replaceFile writes a file beside the named one, which only its owner may read,
// and puts it in its place when it is on disk. The folder is made if it is not
// there.
func replaceFile(file string, data []byte) error {
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	fresh := file + ".new"
	if err := writeFile(fresh, data); err != nil {
		_ = os.Remove(fresh)
		return err
	}
	if err := os.Rename(fresh, file); err != nil {
		return err
	}
	if dir, err := os.Open(folder); err == nil {
		_ = dir.Sync() // where the system can; the rename is whole in any case
		_ = dir.Close()
	}
	return nil
}

func writeFile(name string, data []byte) error {
	_ = os.Remove(name) // of a process that was killed: its mode may be another
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
