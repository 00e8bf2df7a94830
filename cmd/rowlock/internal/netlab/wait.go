//go:build linux

package netlab

import (
	"strings"
	"time"
)

// pollTime is how often a condition is looked at.
const pollTime = 50 * time.Millisecond

// Eventually waits until cond returns nil, and fails the test with its last
// error when that takes longer than limit.
func (l *Lab) Eventually(limit time.Duration, what string, cond func() error) {
	l.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		time.Sleep(pollTime)
	}
}

// Capture records the traffic of an interface into NODE-INTERFACE.pcap of the
// lab's folder and returns once it records.
func (n *Node) Capture(iface string) {
	n.lab.t.Helper()
	file := n.lab.Path(n.name + "-" + iface + ".pcap")
	p := n.Start("tcpdump-"+iface, "tcpdump", "--immediate-mode", "-U", "-Z", "root", "-n", "-i", iface, "-w", file)
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(p.Log(), "listening on") {
		select {
		case <-p.Done():
			n.lab.t.Fatalf("%s: tcpdump: %v: %s", n.name, p.Err(), p.Log())
		case <-time.After(pollTime):
		}
		if time.Now().After(deadline) {
			n.lab.t.Fatalf("%s: tcpdump does not start: %s", n.name, p.Log())
		}
	}
}
