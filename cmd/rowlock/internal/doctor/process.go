package doctor

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rowlock/sqlstore"
)

// health asks our own server, if there is one, whether it serves.
func (d *doctor) health(ctx context.Context) {
	at, err := netip.ParseAddrPort(d.Health)
	if err != nil || at.Port() == 0 {
		return
	}
	switch at.Addr() {
	case netip.IPv4Unspecified():
		at = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
	case netip.IPv6Unspecified():
		at = netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	url := "http://" + net.JoinHostPort(at.Addr().String(), strconv.Itoa(int(at.Port()))) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		d.found.Add("server.ready", sqlstore.FindingNote, "no server answers at "+url, "where one should run on this host it does not",
			"systemctl status rowlock; journalctl -u rowlock -n 50")
		return
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if answer.StatusCode == http.StatusOK {
		d.found.OK("server.ready", "a server answers at %s and is ready", url)
		return
	}
	var bad []string
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasSuffix(line, ": ok") {
			bad = append(bad, line)
		}
	}
	d.found.Add("server.ready", sqlstore.FindingWarning, fmt.Sprintf("the server at %s is not ready (%d): %s", url, answer.StatusCode, strings.Join(bad, "; ")),
		"it answers no packet, or is about to stop", "mend what it says; journalctl -u rowlock -n 50")
}

// The capabilities that a server may need (linux/capability.h).
const (
	capNetBindService = 10
	capNetRaw         = 13
)

// capabilities looks at what our own server may do, or else this process.
func (d *doctor) capabilities() {
	who, file := "this process", "self"
	if d.server != 0 {
		who, file = fmt.Sprintf("the server (pid %d)", d.server), strconv.Itoa(d.server)
	}
	have, ok := d.Host.effective(file)
	if !ok {
		return // not Linux, or not to be seen
	}
	lowest := 1024
	if text, err := os.ReadFile(filepath.Join(d.Host.Proc, "sys/net/ipv4/ip_unprivileged_port_start")); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			lowest = n
		}
	}
	low := slices.ContainsFunc(d.Listen, func(l Listen) bool { return l.Port != 0 && int(l.Port) < lowest })
	frames := slices.ContainsFunc(d.Listen, func(l Listen) bool { return l.Interface != "" && l.Family == sqlstore.IPv4 })
	for _, c := range []struct {
		id, name, purpose string
		bit               int
		needed            bool
	}{
		{"capability.net_bind_service", "CAP_NET_BIND_SERVICE", "to listen on a port below " + strconv.Itoa(lowest), capNetBindService, low},
		{"capability.net_raw", "CAP_NET_RAW", "for frames to clients that have no address yet", capNetRaw, frames},
	} {
		switch {
		case !c.needed:
			d.found.OK(c.id, "%s is not needed", c.name)
		case have&(1<<c.bit) != 0:
			d.found.OK(c.id, "%s has %s, which is needed %s", who, c.name, c.purpose)
		default:
			d.found.Add(c.id, sqlstore.FindingWarning, fmt.Sprintf("%s lacks %s, which is needed %s", who, c.name, c.purpose),
				"a server with these rights does not start; the systemd unit has them, whoever asks here need not",
				"in the unit: AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW; without systemd run the server as root")
		}
	}
}

// effective reads the effective capabilities of a process.
func (h Host) effective(process string) (uint64, bool) {
	text, err := os.ReadFile(filepath.Join(h.Proc, process, "status"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// kernel looks at settings of the network that lose packets.
func (d *doctor) kernel() {
	if most, ok := d.Host.setting("net/core/rmem_max"); ok {
		if most < d.ReadBuffer {
			d.found.Add("kernel.receive_buffer", sqlstore.FindingNote, fmt.Sprintf("net.core.rmem_max is %d, a socket asks for %d", most, d.ReadBuffer),
				"a burst of packets, as after a power cut, is dropped earlier", fmt.Sprintf("sysctl -w net.core.rmem_max=%d, and the same in /etc/sysctl.d/", d.ReadBuffer))
		} else {
			d.found.OK("kernel.receive_buffer", "sockets get the %d bytes of buffer that they ask for", d.ReadBuffer)
		}
	}
	names, _ := d.Host.interfaceNames()
	var strict []string
	for _, name := range append([]string{"all"}, names...) {
		if v, ok := d.Host.setting("net/ipv4/conf/" + name + "/rp_filter"); ok && v == 1 && name != "lo" {
			strict = append(strict, name)
		}
	}
	relayed := slices.ContainsFunc(d.Listen, func(l Listen) bool { return l.Interface == "" && l.Family == sqlstore.IPv4 })
	switch _, ok := d.Host.setting("net/ipv4/conf/all/rp_filter"); {
	case !ok || !relayed:
	case len(strict) > 0:
		d.found.Add("kernel.rp_filter", sqlstore.FindingNote, "rp_filter is strict on "+strings.Join(strict, ", "),
			"packets of a relay whose way back leads over another interface are dropped without a word",
			"where there is more than one way to the relays: sysctl -w net.ipv4.conf.all.rp_filter=2 (the higher one of all and the interface counts)")
	default:
		d.found.OK("kernel.rp_filter", "packets are taken whatever way leads back to their sender")
	}
}

// setting reads a number below /proc/sys.
func (h Host) setting(path string) (int, bool) {
	text, err := os.ReadFile(filepath.Join(h.Proc, "sys", path))
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}
