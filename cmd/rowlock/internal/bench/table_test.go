package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/bench.md anew")

func readSample(t *testing.T) *results {
	t.Helper()
	in, err := os.Open("testdata/bench.txt")
	require.NoError(t, err)
	defer in.Close()
	r, err := read(in)
	require.NoError(t, err)
	return r
}

func TestTables(t *testing.T) {
	r := readSample(t)
	got := r.about("2 cores, 24 GiB, Linux 6.1.0", time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)) + r.tables()
	if *update {
		require.NoError(t, os.WriteFile("testdata/bench.md", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/bench.md")
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"", "PASS\n", "BenchmarkX 1 2 ns/op 3\n", "BenchmarkX 1 two ns/op\n"} {
		_, err := read(strings.NewReader(text))
		require.Error(t, err, text)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.374: "0.37", 7: "7", 9.876: "9.88", 50: "50", 99.96: "100", 110.4: "110", 1234: "1,230", 1235: "1,240", 9999: "10,000", 51234: "51,200", 1234567: "1,230,000",
	} {
		require.Equal(t, want, number(v), "%f", v)
	}
}

func TestMachineHasNoName(t *testing.T) {
	require.Regexp(t, `^\d+ cores(, \d+ GiB)?(, Linux \S+)?$`, machine())
}

// The tables replace what was between the marks, and the plots are drawings
// with the names of what is in them.
func TestWrite(t *testing.T) {
	document := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(document, []byte("before\n"+beginMark+"old\n"+endMark+"after\n"), 0o644))
	var out bytes.Buffer
	for range 2 {
		require.NoError(t, run([]string{"-write", document, "testdata/bench.txt"}, nil, &out))
	}
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Regexp(t, `(?s)^before\n`+beginMark+`Measured on .*\| Rowlock PostgreSQL \|.*bench/rate\.svg.*`+endMark+`after\n$`, string(text))
	require.NotContains(t, string(text), "old")
	for file, words := range map[string][]string{
		"rate.svg": {"Kea PostgreSQL", "8,000"}, "cpu.svg": {"Rowlock SQLite", "59.5"}, "lanes.svg": {"SQLite", "16"}, "growth.svg": {"2 frontends", "PostgreSQL"},
	} {
		svg, err := os.ReadFile(filepath.Join(filepath.Dir(document), "bench", file))
		require.NoError(t, err)
		for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err, file)
			}
		}
		for _, w := range words {
			require.Contains(t, string(svg), ">"+w+"<", file)
		}
	}
	require.NoError(t, os.WriteFile(document, []byte("no marks\n"), 0o644))
	require.ErrorContains(t, run([]string{"-write", document, "testdata/bench.txt"}, nil, &out), "marks")
}
