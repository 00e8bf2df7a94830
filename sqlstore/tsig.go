package sqlstore

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// DefaultTSIGAlgorithm signs where nothing else is said.
const DefaultTSIGAlgorithm = "hmac-sha256"

// TSIGAlgorithms lists the algorithms that a TSIGKey may have (RFC 8945
// section 6), weakest first.
func TSIGAlgorithms() []string {
	return []string{"hmac-sha1", "hmac-sha224", DefaultTSIGAlgorithm, "hmac-sha384", "hmac-sha512"}
}

// The bounds of a decoded secret. RFC 8945 section 9 wants one as long as the
// digest; shorter than 128 bits it can be guessed.
const (
	minSecret = 16
	maxSecret = 512
)

// fingerprintBytes is how much of the digest a fingerprint shows.
const fingerprintBytes = 4

// Fingerprint tells secrets apart without showing them: the first 8 hex digits
// of the SHA-256 of a decoded secret. Its errors never have the secret.
func Fingerprint(secret string) (string, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(secret)
	switch {
	case err != nil, strings.ContainsAny(secret, "\r\n"):
		return "", errors.New("not base64")
	case len(b) < minSecret, len(b) > maxSecret:
		return "", fmt.Errorf("%d bytes", len(b))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:fingerprintBytes]), nil
}

// KeepSecrets prepares the keys of next to take the place of those of old: one
// with a secret gets its fingerprint, one without keeps the stored secret, and
// says so by its fingerprint. It returns ErrNotFound, with the name, for a key
// that has no secret and is not stored, ErrConflict when the stored secret is
// another than the fingerprint of next says, and ErrData for a key that cannot
// be stored. No error has a secret.
func KeepSecrets(old, next *Config) error {
	for i := range next.TSIGKeys {
		if err := next.TSIGKeys[i].keep(old.TSIGKeys); err != nil {
			return fmt.Errorf("tsig_key %s: %w", next.TSIGKeys[i].Name, err)
		}
	}
	return nil
}

func (k *TSIGKey) keep(stored []TSIGKey) error {
	if !dnsName(k.Name, keyCharacters) || !slices.Contains(TSIGAlgorithms(), k.Algorithm) {
		return fmt.Errorf("name or algorithm %s: %w", k.Algorithm, ErrData)
	}
	if k.Secret != "" {
		f, err := Fingerprint(k.Secret)
		if err != nil {
			return fmt.Errorf("secret: %w: %w", err, ErrData)
		}
		k.Fingerprint = f
		return nil
	}
	at := slices.IndexFunc(stored, func(s TSIGKey) bool { return s.Name == k.Name })
	switch {
	case at < 0:
		return fmt.Errorf("no secret is given, and none is stored: %w", ErrNotFound)
	case k.Fingerprint != "" && k.Fingerprint != stored[at].Fingerprint:
		return fmt.Errorf("no secret is given, and the stored one has the fingerprint %q, not %q: %w",
			stored[at].Fingerprint, k.Fingerprint, ErrConflict)
	}
	k.Fingerprint = stored[at].Fingerprint
	return nil
}

// Identity returns the key without its secret, which its fingerprint stands
// for.
func (k TSIGKey) Identity() TSIGKey {
	if k.Secret != "" {
		k.Fingerprint, _ = Fingerprint(k.Secret)
		k.Secret = ""
	}
	return k
}

// Reverse tells whether the names of the zone are addresses.
func (z DNSZone) Reverse() bool {
	for _, root := range []string{"in-addr.arpa", "ip6.arpa"} {
		if z.Name == root || strings.HasSuffix(z.Name, "."+root) {
			return true
		}
	}
	return false
}
