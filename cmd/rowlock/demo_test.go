package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A demonstration that is interrupted says so and leaves nothing behind.
func TestDemoInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	p := &program{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
	require.Equal(t, exitInterrupted, p.run(ctx, []string{"demo"}))
	require.Equal(t, "interrupted\n", stderr.String())
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// With fewer clients the run would be over before the server is killed.
func TestDemoFewClients(t *testing.T) {
	for _, flag := range []string{"--clients4=99", "--clients6=0", "--clients4=-1"} {
		var stdout, stderr bytes.Buffer
		p := &program{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
		require.Equal(t, exitUsage, p.run(t.Context(), []string{"demo", flag}), flag)
		require.Empty(t, stdout.String(), "nothing has begun")
		require.Contains(t, stderr.String(), "at least 100")
	}
}

func TestLastLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	for text, want := range map[string]string{
		"": "its log is empty", "one\n": "one", "LOG: one\nFATAL: two\n\n": "FATAL: two", "one\ntwo": "two",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		require.Equal(t, want, lastLine(name))
	}
	require.Contains(t, lastLine(name+"x"), "no such file")
}

func TestQuoteShell(t *testing.T) {
	require.Equal(t, `'postgres://a@/b?host=/tmp&c=d'`, quoteShell("postgres://a@/b?host=/tmp&c=d"))
	require.Equal(t, `'it'\''s'`, quoteShell("it's"))
}
