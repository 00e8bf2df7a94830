package main_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// docBlock is a fenced block of a Markdown file.
type docBlock struct {
	file string
	line int // of its opening fence
	lang string
	text string
}

// docBlocks returns the fenced blocks of a text.
func docBlocks(file, text string) []docBlock {
	var out []docBlock
	var open *docBlock
	for i, line := range strings.SplitAfter(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &docBlock{file: file, line: i + 1, lang: strings.TrimSpace(fence)}
		case isFence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return out
}

// allDocBlocks returns the blocks in that language of all Markdown files.
func allDocBlocks(t *testing.T, lang string) []docBlock {
	t.Helper()
	var out []docBlock
	for _, file := range repoFiles(t, ".md") {
		for _, b := range docBlocks(file, string(readRepo(t, file))) {
			if b.lang == lang {
				out = append(out, b)
			}
		}
	}
	return out
}

// Blocks of commands are marked sh, configuration yaml; the rest is plain text.
func TestDocYAMLParses(t *testing.T) {
	for _, b := range allDocBlocks(t, "yaml") {
		var v map[string]any
		if err := yaml.Unmarshal([]byte(b.text), &v); err != nil {
			t.Errorf("%s:%d: %v", b.file, b.line, err)
		}
	}
}

// Every make target named in a shell block is in the Makefile.
func TestDocMakeTargetsExist(t *testing.T) {
	makefile := string(readRepo(t, "Makefile"))
	call := regexp.MustCompile(`(?m)^(?:sudo )?make ([a-z]+)`)
	seen := map[string]bool{}
	for _, b := range allDocBlocks(t, "sh") {
		for _, m := range call.FindAllStringSubmatch(b.text, -1) {
			seen[m[1]] = true
			require.Regexp(t, `(?m)^`+m[1]+`:.*## `, makefile, "%s:%d", b.file, b.line)
		}
	}
	require.True(t, seen["demo"] && seen["test"], "the documents name make demo and make test")
}

// Every relative link leads to a file or folder.
func TestDocLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, file := range repoFiles(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(string(readRepo(t, file)), -1) {
			u, err := url.Parse(m[1])
			require.NoError(t, err, file)
			if u.Scheme != "" || u.Path == "" {
				continue
			}
			target := path.Join(path.Dir(file), u.Path)
			if _, err := os.Stat(filepath.Join(moduleRoot(t), target)); err != nil {
				t.Errorf("%s: link to %s: %v", file, m[1], err)
			}
		}
	}
}

func TestReadmeIsShort(t *testing.T) {
	readme := string(readRepo(t, "README.md"))
	require.Less(t, strings.Count(readme, "\n"), 150)
	require.Contains(t, readme, "make demo")
	require.Contains(t, readme, "make test")
}
