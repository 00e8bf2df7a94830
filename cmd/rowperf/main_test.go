package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"
)

// serve answers DHCPv4 on loopback: client n of the order of arrival gets
// 192.0.2.n, or address(n). It returns where.
func serve(t *testing.T, address func(n int) net.IP) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		numbers := map[string]int{}
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			if rep := answer(buf[:n], numbers, address); rep != nil {
				conn.WriteToUDP(rep.ToBytes(), &net.UDPAddr{IP: rep.GatewayIPAddr, Port: from.Port})
			}
		}
	}()
	return conn.LocalAddr().String()
}

func answer(b []byte, numbers map[string]int, address func(int) net.IP) *dhcpv4.DHCPv4 {
	req, err := dhcpv4.FromBytes(b)
	if err != nil || req.MessageType() == dhcpv4.MessageTypeRelease {
		return nil
	}
	client := req.ClientHWAddr.String()
	if numbers[client] == 0 {
		numbers[client] = len(numbers) + 1
	}
	kind := dhcpv4.MessageTypeOffer
	if req.MessageType() == dhcpv4.MessageTypeRequest {
		kind = dhcpv4.MessageTypeAck
	}
	rep, err := dhcpv4.NewReplyFromRequest(req, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(address(numbers[client])),
		dhcpv4.WithLeaseTime(600), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(192, 0, 2, 255))),
		dhcpv4.WithGeneric(dhcpv4.OptionRelayAgentInformation, req.Options.Get(dhcpv4.OptionRelayAgentInformation)))
	if err != nil {
		return nil
	}
	return rep
}

func each(n int) net.IP { return net.IPv4(192, 0, 2, byte(n)) }

// rowperf runs the command and returns the exit code and what it printed.
func rowperf(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestTable(t *testing.T) {
	t.Parallel()
	code, out, errs := rowperf(t, "--server", serve(t, each), "--relay", "127.20.0.1", "-n", "100", "--saturate", "8",
		"--server-pid", fmt.Sprint(os.Getpid()))
	require.Equal(t, exitOK, code, errs)
	for _, want := range []string{
		"exchanges   100 started, 100 completed, 0 failed", "exchanges/s", "to offer", "to ack", "whole", "p99",
		"client CPU", "server CPU", "violations  0 in 200 events",
	} {
		require.Contains(t, out, want)
	}
	require.Empty(t, errs, "progress is for terminals only")
}

func TestJSONAndScenarios(t *testing.T) {
	t.Parallel()
	server := serve(t, each)
	for _, args := range [][]string{
		{"--rate", "2000"},
		{"--ramp", "500:4000:50ms"},
		{"--saturate", "16"},
		{"--spread"},
		{"--client-id"},
		{"--returning"},
		{"--renew"},
		{"--rebind", "--saturate", "4"},
		{"--release"},
		{"--renew", "--saturate", "4", "--repeat", "--duration", "50ms"},
	} {
		args = append(args, "--servers", server, "--relay", "127.20.0.1,127.20.0.2=line/", "-n", "50", "--json")
		code, out, errs := rowperf(t, args...)
		require.Equal(t, exitOK, code, "%v: %s%s", args, out, errs)
		var rep report
		require.NoError(t, json.Unmarshal([]byte(out), &rep))
		require.True(t, rep.OK)
		require.GreaterOrEqual(t, rep.Completed, 50)
		require.Equal(t, rep.Started, rep.Completed)
		require.Zero(t, rep.Refusals+rep.Failed+rep.Moved)
		require.EqualValues(t, rep.Completed, rep.Latency["whole"].Count)
		require.Empty(t, rep.Violations)
		require.Nil(t, rep.ServerCPU)
	}
}

func TestViolationsFailAndAreShown(t *testing.T) {
	t.Parallel()
	record := filepath.Join(t.TempDir(), "record")
	server := serve(t, func(int) net.IP { return net.IPv4(192, 0, 2, 1) })
	code, out, _ := rowperf(t, "--server", server, "--relay", "127.20.0.1", "-n", "30", "--record", record)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "violations  29 in 60 events")
	require.Contains(t, out, "double-allocation: ack of 192.0.2.1/32 to client 0 by "+server)
	require.Contains(t, out, "and 9 more")
	code, out, _ = rowperf(t, "verify", record)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "29 violations in 60 events")
}

func TestRecordThenRenewAndVerifyTogether(t *testing.T) {
	t.Parallel()
	dir, server := t.TempDir(), serve(t, each)
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	code, _, errs := rowperf(t, "--server", server, "--relay", "127.20.0.1", "-n", "40", "--record", first, "--no-check")
	require.Equal(t, exitOK, code, errs)
	code, out, errs := rowperf(t, "--server", server, "--relay", "127.20.0.1", "-n", "40", "--renew", "--leases", first, "--record", second)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "violations  0 in 40 events", "no leases were got first")
	code, out, _ = rowperf(t, "verify", first, second)
	require.Equal(t, exitOK, code)
	require.Equal(t, "0 violations in 120 events\n", out)
}

func TestLossFailsUnlessAllowed(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	args := []string{"--server", conn.LocalAddr().String(), "--relay", "127.20.0.1", "-n", "5", "--timeout", "10ms", "--tries", "2"}
	code, out, _ := rowperf(t, args...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "5 started, 0 completed, 5 failed (timeout 5)")
	code, _, _ = rowperf(t, append(args, "--max-loss", "100%")...)
	require.Equal(t, exitOK, code)
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	ok := []string{"--server", "127.0.0.1:6767", "--relay", "192.0.2.1"}
	for want, args := range map[string][]string{
		"--server and --relay are needed":    nil,
		"unknown flag: --sever":              {"--sever", "x"},
		`unknown`:                            {"nonsense"},
		"--server localhost: not an address": {"--server", "localhost", "--relay", "192.0.2.1"},
		"--relay 192.0.2: not an address":    {"--server", "127.0.0.1:67", "--relay", "192.0.2"},
		"--family 5":                         append(ok[:4:4], "--family", "5"),
		"not an address of family v6":        append(ok[:4:4], "--family", "6"),
		"--na=false needs --pd":              append(ok[:4:4], "--family", "6", "--na=false"),
		"only one of --returning":            append(ok[:4:4], "--renew", "--rebind"),
		"only one of --rate":                 append(ok[:4:4], "--rate", "5", "--saturate", "5"),
		"--ramp 5: must be FROM:TO:TIME":     append(ok[:4:4], "--ramp", "5"),
		"--ramp 1:2:x: must be":              append(ok[:4:4], "--ramp", "1:2:x"),
		"--max-loss 101%":                    append(ok[:4:4], "--max-loss", "101%"),
		"rate must be above zero":            append(ok[:4:4], "--rate", "-1"),
		"repeat needs a duration":            append(ok[:4:4], "--repeat"),
		"no process 1073741824":              append(ok[:4:4], "--server-pid", "1073741824"),
		"verify needs a record":              {"verify"},
	} {
		code, out, errs := rowperf(t, args...)
		require.Equal(t, exitUsage, code, "%v: %s", args, errs)
		require.Empty(t, out)
		require.Contains(t, errs, want)
	}
}

func TestErrorsOfFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	require.NoError(t, os.WriteFile(bad, []byte("1,2\n"), 0o600))
	for want, args := range map[string][]string{
		"open record":   {"verify", filepath.Join(dir, "none")},
		"line 1":        {"verify", bad},
		"create record": {"--server", "127.0.0.1:6767", "--relay", "192.0.2.1", "--record", filepath.Join(dir, "no", "file")},
	} {
		code, _, errs := rowperf(t, args...)
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, want)
	}
}

func TestInterruptEndsTheRun(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"--server", conn.LocalAddr().String(), "--relay", "127.20.0.1", "--timeout", "1m"}, &out, &errs)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs.String(), "context canceled")
}

// TestReadmeNamesEveryFlag keeps the manual whole, and free of flags that are
// no more.
func TestReadmeNamesEveryFlag(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	usage := rootCommand().Flags().FlagUsages()
	for line := range strings.SplitSeq(usage, "\n") {
		_, name, ok := strings.Cut(line, "--")
		if ok {
			require.Contains(t, string(b), "--"+strings.Fields(name)[0])
		}
	}
	for _, word := range strings.FieldsFunc(string(b), func(r rune) bool { return strings.ContainsRune(" `\n,.()|;:", r) }) {
		if strings.HasPrefix(word, "--") && strings.Trim(word, "-") != "" {
			require.Contains(t, usage+"--help --offers", strings.SplitN(word, "=", 2)[0])
		}
	}
}
