package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

// The demonstration's zones: of the names it makes, and of the addresses in the
// sample site.
const (
	demoZone = "dyn.isp.example.org"
	demoKey  = "demo.example.org"
)

var demoReverse = []string{"20.10.in-addr.arpa", "30.10.in-addr.arpa", "0.2.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "0.3.0.0.8.b.d.0.1.0.0.2.ip6.arpa"}

// dns is a throw-away BIND on a loopback port.
type dns struct {
	addr   netip.AddrPort
	secret string
	cmd    *exec.Cmd
	ended  chan struct{}
}

// startDNS starts BIND where it and dig are installed; nil when they are not.
func (d *demo) startDNS(ctx context.Context) (*dns, error) {
	named, err := exec.LookPath("named")
	if err != nil {
		named = "/usr/sbin/named" // not in everybody's PATH
	}
	_, noServer := os.Stat(named)
	_, noClient := exec.LookPath("dig")
	if noServer != nil || noClient != nil {
		return nil, nil
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &dns{addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), ended: make(chan struct{})}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	s.secret = base64.StdEncoding.EncodeToString(secret)
	dir := filepath.Join(d.dir, "dns")
	if err := s.write(dir); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(named, "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = log, log, childAttr()
	if err := errors.Join(s.cmd.Start(), log.Close()); err != nil {
		return nil, fmt.Errorf("start BIND: %w", err)
	}
	go func() { _ = s.cmd.Wait(); close(s.ended) }()
	d.cleanup = append(d.cleanup, s.stop)
	return s, s.wait(ctx, filepath.Join(dir, "log"))
}

// freePort is a port that was free for UDP and TCP a moment ago.
func freePort(ctx context.Context) (uint16, error) {
	for range 20 {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		u, err := new(net.ListenConfig).ListenPacket(ctx, "udp", l.Addr().String())
		_ = l.Close()
		if err == nil {
			return uint16(port), u.Close()
		}
	}
	return 0, errors.New("find a free port: every try was taken by UDP")
}

// write makes the configuration and the zones in a folder.
func (s *dns) write(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `options { directory %q; pid-file none; session-keyfile none; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; empty-zones-enable no; allow-transfer { 127.0.0.1; }; };
controls { };
key %q { algorithm hmac-sha256; secret %q; };
`, dir, s.addr.Port(), demoKey, s.secret)
	for _, zone := range append([]string{demoZone}, demoReverse...) {
		text := fmt.Sprintf("$TTL 600\n@ SOA ns.%s. admin.%s. 1 3600 600 604800 60\n@ NS ns.%s.\n", demoZone, demoZone, demoZone)
		if zone == demoZone {
			text += "ns A 127.0.0.1\n"
		}
		if err := os.WriteFile(filepath.Join(dir, zone), []byte(text), 0o600); err != nil {
			return err
		}
		fmt.Fprintf(&b, "zone %q { type primary; file %q; update-policy { grant %s zonesub A AAAA PTR DHCID; }; };\n", zone, zone, demoKey)
	}
	return os.WriteFile(filepath.Join(dir, "named.conf"), []byte(b.String()), 0o600)
}

// wait returns when the server answers.
func (s *dns) wait(ctx context.Context, log string) error {
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		if out, err := s.dig(ctx, "SOA", demoZone); err == nil && out != "" {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("BIND ended at once: %s", lastLine(log))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("BIND does not answer")
}

func (s *dns) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// dig asks the server, and returns the short form of its answer.
func (s *dns) dig(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"@" + s.addr.Addr().String(), "-p", strconv.Itoa(int(s.addr.Port())), "+time=2", "+tries=1", "+short"}, args...)
	out, err := exec.CommandContext(ctx, "dig", args...).Output()
	return strings.TrimSpace(string(out)), err
}

// transfer counts the records of a type in the zones of the demonstration.
func (s *dns) transfer(ctx context.Context, kind string) (count int, err error) {
	for _, zone := range append([]string{demoZone}, demoReverse...) {
		out, err := exec.CommandContext(ctx, "dig", "@"+s.addr.Addr().String(), "-p", strconv.Itoa(int(s.addr.Port())),
			"+time=5", "+tries=1", "+noall", "+answer", zone, "AXFR").Output()
		if err != nil {
			return 0, fmt.Errorf("transfer %s: %w", zone, err)
		}
		for line := range bytes.Lines(out) {
			if f := bytes.Fields(line); len(f) > 3 && string(f[3]) == kind {
				count++
			}
		}
	}
	return count, nil
}

// named is the sample site with names for all clients, published at the server.
func (s *dns) named(c *sqlstore.Config) *sqlstore.Config {
	next := *c
	next.Parameters = maps.Clone(c.Parameters)
	maps.Copy(next.Parameters, sqlstore.Parameters{
		"ddns_send_updates": "true", "ddns_qualifying_suffix": demoZone, "ddns_replace_client_name": "when-not-present",
	})
	next.TSIGKeys = []sqlstore.TSIGKey{{Name: demoKey, Algorithm: "hmac-sha256", Secret: s.secret}}
	for _, zone := range slices.Sorted(slices.Values(append([]string{demoZone}, demoReverse...))) {
		next.Zones = append(next.Zones, sqlstore.DNSZone{Name: zone, Servers: []sqlstore.DNSServer{{Addr: s.addr, Transport: "tcp", Key: demoKey}}})
	}
	return &next
}

// names waits until every address has its name, and asks for some of them.
func (d *demo) names(ctx context.Context, s *dns, leases []load.Lease) error {
	var addrs []netip.Addr
	for _, l := range leases {
		if l.Kind == sqlstore.NA {
			addrs = append(addrs, l.Addr.Addr())
		}
	}
	began := time.Now()
	for last, changed := -1, began; ; {
		n, err := s.transfer(ctx, "PTR") // they come after the names that they point to
		if err != nil {
			return err
		}
		if n == len(addrs) {
			break
		}
		if n != last {
			last, changed = n, time.Now()
		}
		if time.Since(changed) > 30*time.Second {
			return fmt.Errorf("%d of %d addresses have a name in DNS", n, len(addrs))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	fmt.Fprintf(d.out, "  all %d addresses have a name in DNS, and every name its address, %.1f s after the last lease\n", len(addrs), time.Since(began).Seconds())
	for _, addr := range []netip.Addr{addrs[0], addrs[len(addrs)-1]} {
		if err := d.lookUp(ctx, s, addr); err != nil {
			return err
		}
	}
	return nil
}

// lookUp asks for the name of an address, and for the address of that name.
func (d *demo) lookUp(ctx context.Context, s *dns, addr netip.Addr) error {
	kind := "A"
	if addr.Is6() {
		kind = "AAAA"
	}
	host, err := d.ask(ctx, s, "-x", addr.String())
	if err != nil {
		return err
	}
	back, err := d.ask(ctx, s, host, kind)
	if err == nil && (!strings.HasSuffix(host, "."+demoZone+".") || back != addr.String()) {
		err = fmt.Errorf("%s has the name %s, and that the address %s: %w", addr, host, back, errNames)
	}
	return err
}

// ask shows a question and its answer.
func (d *demo) ask(ctx context.Context, s *dns, question ...string) (string, error) {
	answer, err := s.dig(ctx, question...)
	if err == nil && answer == "" {
		err = errNames
	}
	if err != nil {
		return "", fmt.Errorf("dig %s: %w", strings.Join(question, " "), err)
	}
	fmt.Fprintf(d.out, "  $ dig +short -p %d @%s %s\n  %s\n", s.addr.Port(), s.addr.Addr(), strings.Join(question, " "), answer)
	return answer, nil
}

var errNames = errors.New("names in DNS are not what the leases say")
