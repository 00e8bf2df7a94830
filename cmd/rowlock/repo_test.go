package main_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sizes beyond which a file is to be split.
const (
	maxLines     = 500
	maxTestLines = 800
)

// repoFiles lists the files of the repository with that name ending, by path
// from its root. What is built or made (bin, hidden folders) is left out.
func repoFiles(t *testing.T, suffix string) []string {
	t.Helper()
	var out []string
	root := os.DirFS(moduleRoot(t))
	require.NoError(t, fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || path == "bin" || path == "dist"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, suffix):
			out = append(out, path)
		}
		return nil
	}))
	require.NotEmpty(t, out, "no files *%s", suffix)
	return out
}

// readRepo reads a file by its path from the root of the repository.
func readRepo(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(moduleRoot(t), path))
	require.NoError(t, err)
	return data
}

func TestFileSizes(t *testing.T) {
	for _, path := range repoFiles(t, ".go") {
		limit := maxLines
		if strings.HasSuffix(path, "_test.go") {
			limit = maxTestLines
		}
		if lines := bytes.Count(readRepo(t, path), []byte("\n")); lines > limit {
			t.Errorf("%s has %d lines, more than %d: split it", path, lines, limit)
		}
	}
}

// sqlText recognises the beginning of a SQL statement. Upper case, as all SQL
// here is written: "update lease: ..." is an error text.
var sqlText = regexp.MustCompile(`^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|ALTER|DROP|TRUNCATE|MERGE)\s`)

// sqlLiterals returns the positions of string literals that are SQL.
func sqlLiterals(file string, source []byte) ([]string, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []string
	ast.Inspect(tree, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		if text, err := strconv.Unquote(lit.Value); err == nil && sqlText.MatchString(text) {
			out = append(out, set.Position(lit.Pos()).String())
		}
		return true
	})
	return out, nil
}

// SQL is in .sql files, where it can be read and prepared as a whole. The
// conformance suite, a test in all but its file names, may look into tables.
func TestNoSQLInGo(t *testing.T) {
	for _, path := range repoFiles(t, ".go") {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "sqlstore/storetest/") {
			continue
		}
		found, err := sqlLiterals(path, readRepo(t, path))
		require.NoError(t, err)
		for _, place := range found {
			t.Errorf("%s: SQL belongs into a .sql file", place)
		}
	}
	found, err := sqlLiterals("x.go", []byte("package x\nvar a = `\nSELECT 1`\nvar b = \"update x: %w\"\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"x.go:2:9"}, found)
}

// Every dialect has the same migrations, and goose sees no number twice.
func TestMigrationsHaveTheSameNames(t *testing.T) {
	folders := map[string][]string{}
	for _, path := range repoFiles(t, ".sql") {
		if dir, ok := strings.CutPrefix(filepath.Dir(path), "migrations/"); ok {
			folders[dir] = append(folders[dir], filepath.Base(path))
		}
	}
	require.Contains(t, folders, "postgres")
	require.Contains(t, folders, "sqlite")
	require.Contains(t, folders, "mysql")
	for dialect, names := range folders {
		require.Equal(t, folders["postgres"], names, dialect)
		for i, name := range names {
			require.Regexp(t, `^\d{5}_[a-z0-9_]+\.sql$`, name)
			number, err := strconv.Atoi(name[:5])
			require.NoError(t, err)
			require.Equal(t, i+1, number, "%s/%s", dialect, name)
		}
	}
}
