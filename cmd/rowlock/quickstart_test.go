package main_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// freePort returns a UDP and TCP port of loopback that nobody uses at the
// moment.
func freePort(t *testing.T) string {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		port := l.Addr().(*net.TCPAddr).Port
		c, err := net.ListenPacket("udp", ":"+strconv.Itoa(port))
		require.NoError(t, l.Close())
		if err == nil {
			require.NoError(t, c.Close())
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no port is free for both UDP and TCP")
	return ""
}

// TestDocCommands builds the programs and tries what the documents tell people
// to type.
func TestDocCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs")
	}
	dir := t.TempDir()
	for _, name := range []string{"rowlock", "rowperf"} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "bin", name), "./cmd/"+name)
		cmd.Dir = moduleRoot(t)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	t.Run("quick start", func(t *testing.T) { testQuickStart(t, dir) })
	t.Run("flags", func(t *testing.T) { testDocFlags(t, filepath.Join(dir, "bin")) })
}

// testDocFlags lets the programs parse each documented command line, with
// --help at its end so that nothing happens.
func testDocFlags(t *testing.T, bin string) {
	call := regexp.MustCompile(`^(?:sudo (?:-u \w+ )?)?(?:bin/)?(rowlock|rowperf) (.*?)(?: &| \|.*)?$`)
	seen := 0
	for _, b := range allDocBlocks(t, "sh") {
		for line := range strings.Lines(b.text) {
			m := call.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				continue
			}
			seen++
			words := strings.Fields(m[2])
			out, err := exec.Command(filepath.Join(bin, m[1]), append(words, "--help")...).CombinedOutput()
			require.NoError(t, err, "%s:%d: %s\n%s", b.file, b.line, line, out)
			// an unknown subcommand gets the help of the command above it
			usage := m[1]
			for _, w := range words[:min(2, len(words))] {
				if !regexp.MustCompile(`^[a-z]+$`).MatchString(w) {
					break
				}
				usage += " " + w
			}
			require.Contains(t, string(out), "Usage:\n  "+usage, "%s:%d: %s", b.file, b.line, line)
		}
	}
	require.Greater(t, seen, 5)
}

// testQuickStart does what the README says, word for word but for the ports.
func testQuickStart(t *testing.T, dir string) {
	_, text, found := strings.Cut(string(readRepo(t, "README.md")), "## Quick start\n")
	require.True(t, found)
	text, _, found = strings.Cut(text, "\n## ")
	require.True(t, found)
	blocks := docBlocks("README.md", text)
	require.Len(t, blocks, 3)
	require.Equal(t, "sh", blocks[2].lang)
	script, found := strings.CutPrefix(blocks[2].text, "make build\n")
	require.True(t, found, "the first command builds")

	ports := strings.NewReplacer("6767", freePort(t), "6547", freePort(t), "9867", freePort(t))
	for name, content := range map[string]string{"site.yaml": blocks[0].text, "rowlock.yaml": blocks[1].text} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(ports.Replace(content)), 0o600))
	}

	// the server is stopped also when a command fails
	script = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + ports.Replace(script) + "wait\n"
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	active := 0
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "active" {
			active++
		}
	}
	require.Equal(t, 200+2*200, active, "addresses, and for DHCPv6 prefixes too:\n%s", out)
}
