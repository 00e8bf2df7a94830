package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// tick is the unit of the times in /proc: Linux shows 100 a second to user
// space on every architecture.
const tick = 10 * time.Millisecond

// SelfCPU returns the processor time of this process, user and system.
func SelfCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read own processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// ProcessCPU returns the processor time of processes and of all below them,
// those included that ended and were waited for: give a PostgreSQL postmaster
// and its backends are in it. It reads /proc; steps are of 10 ms.
func ProcessCPU(pids ...int) (time.Duration, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	children := map[int][]int{}
	for pid, p := range all {
		children[p.parent] = append(children[p.parent], pid)
	}
	var sum time.Duration
	seen := map[int]bool{}
	pending := append([]int(nil), pids...)
	for _, pid := range pids {
		if _, ok := all[pid]; !ok {
			return 0, fmt.Errorf("read processor time: no process %d", pid)
		}
	}
	for len(pending) > 0 {
		pid := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		sum += all[pid].cpu
		pending = append(pending, children[pid]...)
	}
	return sum, nil
}

type process struct {
	parent int
	cpu    time.Duration
}

func processes() (map[int]process, error) {
	dir, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("read processor time: %w", err)
	}
	all := map[int]process{}
	for _, d := range dir {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + d.Name() + "/stat")
		if err != nil {
			continue // it ended meanwhile
		}
		p, err := parseStat(b)
		if err != nil {
			return nil, fmt.Errorf("read processor time: process %d: %w", pid, err)
		}
		all[pid] = p
	}
	return all, nil
}

// parseStat reads a line of /proc/PID/stat. The name, in parentheses, may hold
// anything, so fields count from its last closing one.
func parseStat(b []byte) (process, error) {
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 15 {
		return process{}, errors.New("short stat line")
	}
	parent, err := strconv.Atoi(string(f[1]))
	if err != nil {
		return process{}, err
	}
	var ticks int64
	for _, t := range f[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(string(t), 10, 64)
		if err != nil {
			return process{}, err
		}
		ticks += n
	}
	return process{parent: parent, cpu: time.Duration(ticks) * tick}, nil
}
