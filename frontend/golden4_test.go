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
)

var update4 = flag.Bool("update4", false, "rewrite the replies in testdata/v4")

// TestConversations4 plays the files of testdata/v4. A file has "config"
// (parseConfig4), "place" (bench4.place) and then pairs of "in" and "out". An
// in begins with "from ADDR:PORT to ADDR:PORT"; the rest is for encode4. An out
// is where the reply goes, its text, and its bytes in hex; or "nothing", or
// "drop REASON". Adding a case is adding a file and running with -update4.
func TestConversations4(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/v4/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			require.NoError(t, err)
			require.Equal(t, "config", a.Files[0].Name)
			require.Equal(t, "place", a.Files[1].Name)
			b := newBench4(t, string(a.Files[0].Data), string(a.Files[1].Data))
			require.Positive(t, len(a.Files)-2)
			for i := 2; i+1 < len(a.Files); i += 2 {
				require.Equal(t, "in", a.Files[i].Name)
				require.Equal(t, "out", a.Files[i+1].Name)
				got := b.play(t, string(a.Files[i].Data))
				if *update4 {
					a.Files[i+1].Data = []byte(got)
					continue
				}
				require.Equal(t, string(a.Files[i+1].Data), got, "exchange %d", i/2)
			}
			if *update4 {
				require.NoError(t, os.WriteFile(name, txtar.Format(a), 0o644))
			}
		})
	}
}

func (b *bench4) play(t testing.TB, text string) string {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n")
	f := strings.Fields(head)
	require.Len(t, f, 4, head)
	o, err := b.run(b.packet(encode4(t, body), f[1], f[3]))
	switch {
	case err != nil:
		require.Nil(t, o)
		return fmt.Sprintf("drop %s\n", reasonOf(err))
	case o == nil:
		return "nothing\n"
	}
	var s strings.Builder
	fmt.Fprintf(&s, "to %s from %s", o.to, o.from)
	if o.hw != nil {
		fmt.Fprintf(&s, " hw %s", o.hw)
	}
	fmt.Fprintf(&s, "\n%s", decodeReply4(t, o.data))
	for line := o.data; len(line) > 0; line = line[min(40, len(line)):] {
		fmt.Fprintf(&s, "hex %s\n", hex.EncodeToString(line[:min(40, len(line))]))
	}
	return s.String()
}
