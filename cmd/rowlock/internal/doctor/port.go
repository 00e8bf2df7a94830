package doctor

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rowlock/sqlstore"
)

// boundSocket is a line of /proc/net/udp and its like.
type boundSocket struct {
	at    netip.AddrPort
	inode string
	drops int64
	state string // 0A: a TCP socket that listens

	unsure bool // it may leave room for ours
}

// programName is what our own processes are called.
const programName = "rowlock"

// ports looks who has the ports that the process file wants.
func (d *doctor) ports() {
	for _, l := range d.Listen {
		address := l.Address
		if l.Interface != "" {
			address = netip.IPv4Unspecified()
			if l.Family == sqlstore.IPv6 {
				address = netip.IPv6Unspecified()
			}
		}
		if l.Port != 0 {
			d.port(l.Key, "udp", netip.AddrPortFrom(address, l.Port), l.Interface != "")
		}
	}
	for _, tcp := range [][2]string{{"listen.health", d.Health}, {"listen.admin", d.Admin}} {
		if at, err := netip.ParseAddrPort(tcp[1]); err == nil && at.Port() != 0 {
			d.port(tcp[0], "tcp", at, false)
		}
	}
}

// port looks at one. On a link, a socket that is bound to another interface is
// not in the way; the list does not tell.
func (d *doctor) port(key, protocol string, want netip.AddrPort, link bool) {
	name := id("port.NUMBER", strconv.Itoa(int(want.Port())))
	sockets, err := d.Host.sockets(protocol)
	if errors.Is(err, fs.ErrNotExist) {
		return // not Linux: nobody tells
	}
	if err != nil {
		d.unread(name, "list the "+protocol+" sockets", err)
		return
	}
	var taken []boundSocket
	for _, s := range sockets {
		if s.at.Port() == want.Port() && (protocol != "tcp" || s.state == "0A") && overlap(s.at.Addr(), want.Addr(), protocol) {
			s.unsure = link || s.at.Addr().Is4() != want.Addr().Is4()
			taken = append(taken, s)
		}
	}
	if len(taken) == 0 {
		d.found.OK(name, "%s: %s port %d is free", key, protocol, want.Port())
	}
	for _, s := range taken {
		d.judgePort(name, key, protocol, s)
	}
}

// overlap tells whether a socket on address a is in the way of one on b: ::
// takes IPv4 too unless it is told not to, which cannot be seen. A program that
// speaks DHCPv4 tells it so, or has a socket for each family.
func overlap(a, b netip.Addr, protocol string) bool {
	if a.Is4() != b.Is4() {
		return protocol == "tcp" && a == netip.IPv6Unspecified()
	}
	return a == b || a.IsUnspecified() || b.IsUnspecified()
}

func (d *doctor) judgePort(name, key, protocol string, s boundSocket) {
	pid, command, hidden := d.Host.owner(s.inode)
	switch {
	case command == programName:
		d.server = pid
		d.found.OK(name, "%s: %s %s is our own server's, pid %d", key, protocol, s.at, pid)
		if s.drops > 0 {
			d.found.Add(id("port.NUMBER.drops", strconv.Itoa(int(s.at.Port()))), sqlstore.FindingNote,
				fmt.Sprintf("the kernel has dropped %d packets at %s since the server began", s.drops, s.at),
				"they came faster than they were taken; their clients ask again", "see kernel.receive_buffer, and whether the database is slow (rowlock_sqlstore_batch_seconds)")
		}
	case command != "" && s.unsure:
		d.found.Add(name, sqlstore.FindingWarning, fmt.Sprintf("%s: %s %s is in use by %s, pid %d", key, protocol, s.at, command, pid),
			"unless it is bound to another interface, or to IPv6 alone, the server cannot listen there, or shares the packets with it",
			fmt.Sprintf("ss -lnp 'sport = %d' shows what it is bound to; if it is in the way: systemctl status %d, or choose another port", s.at.Port(), pid))
	case command != "":
		d.found.Add(name, sqlstore.FindingProblem, fmt.Sprintf("%s: %s %s is in use by %s, pid %d", key, protocol, s.at, command, pid),
			"the server cannot listen there, or shares the packets with it", fmt.Sprintf("stop it if it is another DHCP server: systemctl status %d; or choose another port", pid))
	case hidden:
		d.found.Add(name, sqlstore.FindingNote, fmt.Sprintf("%s: %s %s is in use by a process that this user may not see", key, protocol, s.at),
			"where it is not our own server, that cannot listen there", "once more as root: sudo rowlock doctor")
	default:
		d.found.Add(name, sqlstore.FindingWarning, fmt.Sprintf("%s: %s %s is in use by no process of this machine's view", key, protocol, s.at),
			"the server cannot listen there", "look on the host, outside of this container or process namespace: ss -lpn")
	}
}

// sockets lists the bound sockets of a protocol, of both families.
func (h Host) sockets(protocol string) ([]boundSocket, error) {
	var out []boundSocket
	for _, file := range []string{protocol, protocol + "6"} {
		text, err := os.ReadFile(filepath.Join(h.Proc, "net", file))
		if errors.Is(err, fs.ErrNotExist) && file != protocol {
			break // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 10 {
				continue
			}
			at, ok := parseSocket(f[1])
			if !ok {
				continue // the heading
			}
			drops, _ := strconv.ParseInt(f[len(f)-1], 10, 64)
			if protocol == "tcp" {
				drops = 0 // another column
			}
			out = append(out, boundSocket{at: at, state: f[3], inode: f[9], drops: drops})
		}
	}
	return out, nil
}

// parseSocket reads ADDRESS:PORT in hex; the address is in words of the
// machine's byte order, which is little-endian on all that are built for.
func parseSocket(text string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(address)
	n, perr := strconv.ParseUint(port, 16, 16)
	if err != nil || perr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	addr, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), ok
}

// owner finds the process that has a socket open, by its inode. hidden tells
// that there are processes that could not be looked into.
func (h Host) owner(inode string) (pid int, command string, hidden bool) {
	processes, _ := filepath.Glob(filepath.Join(h.Proc, "[0-9]*"))
	for _, dir := range processes {
		files, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil {
			hidden = hidden || errors.Is(err, fs.ErrPermission)
			continue
		}
		for _, f := range files {
			if to, err := os.Readlink(filepath.Join(dir, "fd", f.Name())); err != nil || to != "socket:["+inode+"]" {
				continue
			}
			pid, _ = strconv.Atoi(filepath.Base(dir))
			name, err := os.ReadFile(filepath.Join(dir, "comm"))
			if err != nil {
				return pid, "a process that has just ended", hidden
			}
			return pid, strings.TrimSpace(string(name)), hidden
		}
	}
	return 0, "", hidden
}
