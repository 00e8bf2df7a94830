package dnsserver

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// The kinds of servers.
const (
	BIND             = "bind"
	PowerDNSSQLite   = "powerdns-sqlite"
	PowerDNSPostgres = "powerdns-postgres"
)

// Kinds are all of them.
var Kinds = []string{BIND, PowerDNSSQLite, PowerDNSPostgres}

// The key that updates are signed with, and the zones that a server has unless
// told otherwise.
const (
	Key       = "rowlock"
	Algorithm = "hmac-sha256"
	Secret    = "cm93bG9jayB0ZXN0IGtleSBvZiAzMiBieXRlcy4uLi4="
	Forward   = "example.org"
	Reverse4  = "2.0.192.in-addr.arpa"
	Reverse6  = "8.b.d.0.1.0.0.2.ip6.arpa"
)

// Options of a server. The zero value is one with the three zones.
type Options struct {
	Zones   []string
	Records map[string][]string // by zone: lines of a zone file, "name TTL IN TYPE data"
	Address string              // default 127.0.0.1
	Port    int                 // default: one that is free
	// Policy is what BIND's update-policy says, each statement with its
	// semicolon; the default lets the key change what a DHCP server needs.
	Policy string
	// Start starts the program, each time that the server is run: in another
	// network namespace, say. Dial then connects to it.
	Start func(*exec.Cmd) error
	Dial  func(network, addr string) (net.Conn, error)
}

// Server is one server. Its methods end the test when they fail.
type Server struct {
	Kind string
	Port int
	t    testing.TB
	opt  Options
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{}
}

// startTime is how long a server may take until it answers.
const startTime = 60 * time.Second

// Start starts a server and waits until it answers for its zones.
func Start(t testing.TB, kind string, opt Options) *Server {
	t.Helper()
	if opt.Zones == nil {
		opt.Zones = []string{Forward, Reverse4, Reverse6}
	}
	if opt.Address == "" {
		opt.Address = "127.0.0.1"
	}
	if opt.Start == nil {
		opt.Start = (*exec.Cmd).Start
	}
	if opt.Dial == nil {
		opt.Dial = func(network, addr string) (net.Conn, error) { return net.DialTimeout(network, addr, time.Second) }
	}
	s := &Server{Kind: kind, Port: opt.Port, t: t, opt: opt}
	if s.Port == 0 {
		s.Port = freePort(t)
	}
	program := "named"
	if kind != BIND {
		program = "pdns_server"
	}
	path := find(t, program)
	var err error
	s.dir, err = os.MkdirTemp("", "rowlock-dns-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(s.dir)) })
	if kind == BIND {
		s.args = append([]string{path}, s.prepareBIND()...)
	} else {
		s.args = append([]string{path}, s.preparePowerDNS()...)
	}
	t.Cleanup(s.end) // before its database is dropped
	s.Run()
	return s
}

// find returns the path of a program. Those of servers are often in folders
// that an ordinary user does not search.
func find(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", program))
	}
	if err == nil {
		return path
	}
	if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
		t.Fatalf("start DNS server: %v", err)
	}
	t.Skipf("start DNS server: %v", err)
	return ""
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) write(name, content string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(content), 0o600))
}

// Addr is the server's address and port.
func (s *Server) Addr() string { return net.JoinHostPort(s.opt.Address, itoa(s.Port)) }

// Run starts the server, after Kill or Stop again on the same port and data,
// and waits until it answers for its zones.
func (s *Server) Run() {
	s.t.Helper()
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer log.Close()
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = s.dir, log, log, processAttr()
	s.done, err = begin(s.cmd, s.opt.Start)
	require.NoError(s.t, err)
	deadline := time.Now().Add(startTime)
	for !s.answers() {
		select {
		case <-s.done:
			s.t.Fatalf("%s ended:\n%s", s.Kind, s.Log())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not answer:\n%s", s.Kind, s.Log())
		}
	}
}

// begin starts a program on a thread that lives as long as it does: the program
// would end with the thread, which tests of network namespaces may end.
func begin(cmd *exec.Cmd, start func(*exec.Cmd) error) (done chan struct{}, err error) {
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := start(cmd)
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	return done, <-started
}

// answers tells whether the server has all its zones, by both transports.
func (s *Server) answers() bool {
	for _, z := range s.opt.Zones {
		for _, network := range []string{"udp", "tcp"} {
			if r, err := s.exchange(network, z, dns.TypeSOA); err != nil || r.Rcode != dns.RcodeSuccess || len(r.Answer) == 0 {
				return false
			}
		}
	}
	return true
}

func (s *Server) exchange(network, name string, typ uint16) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), typ)
	m.RecursionDesired = false
	conn, err := s.opt.Dial(network, s.Addr())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	c := dns.Client{Net: network, Timeout: 2 * time.Second}
	r, _, err := c.ExchangeWithConn(m, &dns.Conn{Conn: conn})
	return r, err
}

// Kill ends the server at once, as a power failure would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
}

// Stop ends the server in order.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(startTime):
		s.Kill()
	}
}

// Pause stops the server from doing anything: it takes connections and does
// not answer. Resume lets it go on.
func (s *Server) Pause() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGSTOP)) }

// Resume ends a Pause.
func (s *Server) Resume() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGCONT)) }

// end ends the server for good.
func (s *Server) end() {
	if s.done == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT)
	s.Stop()
	if s.t.Failed() {
		s.t.Logf("%s:\n%s", s.Kind, s.Log())
	}
}

// Log returns the last lines that the server wrote.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.path("log"))
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[max(len(lines)-60, 0):], "\n")
}

// freePort finds a port that is free for UDP and TCP. It is none of those that
// systems give to outgoing connections: a server that was killed finds it free.
func freePort(t testing.TB) int {
	t.Helper()
	const lowest, count, tries = 10000, 20000, 100
	for range tries {
		port := lowest + rand.IntN(count)
		addr := net.JoinHostPort("127.0.0.1", itoa(port))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", addr)
		require.NoError(t, l.Close())
		if err == nil {
			require.NoError(t, u.Close())
			return port
		}
	}
	t.Fatal("find a free port: all that were tried are taken")
	return 0
}
