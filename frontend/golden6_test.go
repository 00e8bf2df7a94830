package frontend

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

var update6 = flag.Bool("update6", false, "rewrite the replies in testdata/v6")

// TestConversations6 plays the files of testdata/v6 against config6 and a
// model of the lease table. A file may begin with "params", "NAME VALUE" each
// line, which are global; then it has pairs of "in" and "out". An in begins
// with "direct" or "relayed"; the rest is for encode6. An out is where the
// reply goes, its text and its bytes in hex, or "drop REASON". Adding a case
// is adding a file and running with -update6.
func TestConversations6(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/v6/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			require.NoError(t, err)
			require.NotEmpty(t, a.Files)
			config, first := config6(), len(a.Files)%2
			if first == 1 {
				require.Equal(t, "params", a.Files[0].Name)
				config.Parameters = params6(string(a.Files[0].Data))
			}
			b := newBench6Of(t, config)
			b.leaser.decide = newModel6().decide
			for i := first; i < len(a.Files); i += 2 {
				require.Equal(t, "in", a.Files[i].Name)
				require.Equal(t, "out", a.Files[i+1].Name)
				got := b.play(t, string(a.Files[i].Data))
				if *update6 {
					a.Files[i+1].Data = []byte(got)
					continue
				}
				require.Equal(t, string(a.Files[i+1].Data), got, "exchange %d", i/2)
			}
			if *update6 {
				require.NoError(t, os.WriteFile(name, txtar.Format(a), 0o644))
			}
		})
	}
}

func params6(text string) sqlstore.Parameters {
	p := sqlstore.Parameters{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		p[key] = value
	}
	return p
}

func (b *bench6) play(t testing.TB, text string) string {
	t.Helper()
	how, body, _ := strings.Cut(text, "\n")
	place := map[string]func([]byte) *packet{"direct": b.direct, "relayed": b.relayed}[how]
	require.NotNil(t, place, how)
	o, msg, err := b.run(place(encode6(t, body)))
	if err != nil {
		return fmt.Sprintf("drop %s\n", reasonOf(err))
	}
	var s strings.Builder
	fmt.Fprintf(&s, "to %s\n", o.to)
	describe6(&s, "", msg)
	for line := o.data; len(line) > 0; line = line[min(40, len(line)):] {
		fmt.Fprintf(&s, "hex %s\n", hex.EncodeToString(line[:min(40, len(line))]))
	}
	return s.String()
}
