// Command bench makes tables and plots of what the benchmarks printed: those of
// this folder and of cmd/rowlock, as make bench and make bench-full run them.
//
//	go run ./cmd/rowlock/internal/bench [-write README] [FILE]
//
// It reads the output of go test -bench from the file, or from standard input,
// and prints Markdown. With -write it puts that between the two marks of a
// document and draws the plots into the folder bench beside it. A benchmark that
// was run several times is shown by the median.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Marks of a document between which the tables are.
const (
	beginMark = "<!-- bench:begin -->\n"
	endMark   = "<!-- bench:end -->\n"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	document := flags.String("write", "", "document to write the tables into")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		file, err := os.Open(flags.Arg(0))
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	r, err := read(in)
	if err != nil {
		return err
	}
	text := r.about(machine(), time.Now()) + r.tables()
	if _, err := io.WriteString(out, text); err != nil || *document == "" {
		return err
	}
	plots, err := r.plots()
	if err != nil {
		return err
	}
	return errors.Join(write(*document, text+plots.links()), plots.write(filepath.Dir(*document)))
}

// write replaces what is between the marks of a document.
func write(document, text string) error {
	old, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, begun := strings.Cut(string(old), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !begun || !ended {
		return fmt.Errorf("%s: the marks %q and %q are not there", document, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return os.WriteFile(document, []byte(before+beginMark+text+endMark+after), 0o644)
}
