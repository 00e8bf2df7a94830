package site

import (
	"errors"
	"regexp"
	"strings"

	"rowlock/sqlstore"
)

// MaxSecretFile is how much of a secret_file may be read, in bytes: one that
// is larger is none.
const MaxSecretFile = 16 << 10

// Option changes what Parse accepts.
type Option func(*reader)

// SecretFiles lets a document name files that hold secrets; read returns the
// contents of one. Without it such a document is refused, as nothing that a
// stranger writes may say what is read on this machine.
func SecretFiles(read func(path string) ([]byte, error)) Option {
	return func(r *reader) { r.readFile = read }
}

var (
	keyComment   = regexp.MustCompile(`"[^"\n]*"|(?s:/\*.*?\*/)|(?://|#)[^\n]*`) // or what is quoted, which may look like one
	keyStatement = regexp.MustCompile(`^\s*key\s+"?([^"\s{]+)"?\s*\{([^{}]*)\}\s*;?\s*$`)
	keyAlgorithm = regexp.MustCompile(`\balgorithm\s+"?([^"\s;]+)"?\s*;`)
	keySecret    = regexp.MustCompile(`\bsecret\s+"?([A-Za-z0-9+/=]+)"?\s*;`)
)

// parseSecretFile reads base64 text, which may be on several lines, or a key
// statement of named.conf. Its errors have nothing of the text.
func parseSecretFile(text string) (k sqlstore.TSIGKey, err error) {
	if len(text) > MaxSecretFile {
		return k, errors.New("it is too large")
	}
	if !strings.Contains(text, "{") {
		k.Secret = strings.Join(strings.Fields(text), "")
		if k.Secret == "" {
			return k, errors.New("it is empty")
		}
		return k, nil
	}
	m := keyStatement.FindStringSubmatch(keyComment.ReplaceAllStringFunc(text, func(found string) string {
		if found[0] == '"' {
			return found
		}
		return " "
	}))
	if m == nil {
		return k, errors.New("it is not one key statement")
	}
	algorithms, secrets := keyAlgorithm.FindAllStringSubmatch(m[2], -1), keySecret.FindAllStringSubmatch(m[2], -1)
	if len(algorithms) != 1 || len(secrets) != 1 {
		return k, errors.New("the key statement has not one algorithm and one secret")
	}
	k.Name, k.Algorithm, k.Secret = sqlstore.CanonicalName(m[1]), sqlstore.CanonicalName(algorithms[0][1]), secrets[0][1]
	return k, nil
}
