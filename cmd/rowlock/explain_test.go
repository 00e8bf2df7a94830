package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// TestExplainExamples carries out the examples of the manual page and of README.md
// in a folder with the network and the capture of the script.
func TestExplainExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	p := testProgram(nil)
	list := strings.Split(p.explainCommand().Example, "\n")
	inReadme := regexp.MustCompile(`(?m)^rowlock explain .*$`).FindAllString(string(readme), -1)
	require.GreaterOrEqual(t, len(inReadme), 4)
	a, err := txtar.ParseFile("testdata/script/explain.txtar")
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, f := range a.Files {
		files[f.Name] = f.Data
	}
	t.Chdir(t.TempDir())
	captured, err := unhex(string(files["capture.hex"]))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("capture.pcap", captured, 0o600))
	require.NoError(t, os.WriteFile("site.yaml", files["site.yaml"], 0o600))
	run := func(line string) string {
		var out, errs bytes.Buffer
		p := testProgram(map[string]string{"ROWLOCK_DATABASE": "sqlite:rowlock.db", "ROWLOCK_STATE_DIR": t.TempDir()})
		p.stdin, p.stdout, p.stderr = strings.NewReader(""), &out, &errs
		require.Equal(t, exitOK, p.run(t.Context(), strings.Fields(line)[1:]), "%s: %s", line, &errs)
		return out.String()
	}
	run("rowlock migrate up")
	run("rowlock apply --yes site.yaml")
	for _, line := range append(list, inReadme...) {
		out := run(line)
		require.NotEmpty(t, out, line)
	}
}

// A message is found in hex however it is written.
func TestUnhex(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]byte{
		"0102": {1, 2}, "0x0102": {1, 2}, "01:02": {1, 2}, "01-02": {1, 2}, " 01 02\r\n\t03\n": {1, 2, 3}, "0X": nil, "": nil, "0": nil, "0g": nil, "0x": nil,
	} {
		b, err := unhex(text)
		require.Equal(t, want, b, text)
		require.Equal(t, want == nil, err != nil, text)
	}
}
