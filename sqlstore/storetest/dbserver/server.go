// Package dbserver starts database servers for tests that need one of their own:
// with TLS, with settings of a kind, to be killed or to be failed over to. They
// are the programs that are installed, run as an unprivileged user, keep their
// data in a temporary folder and listen on loopback and a unix socket. They end
// with the test.
package dbserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Options of a server.
type Options struct {
	// Files are put into the server's folder, readable by the server only. Args
	// may name them by their path in Path.
	Files map[string]string
	// Args follow the server's own; "@" at the beginning of a word after = is
	// replaced by the folder.
	Args []string
	// Clone is a running server that this one becomes a copy of (PostgreSQL: a
	// streaming standby).
	Clone *Server
	// Disk, when not 0, is the size in bytes of a file system in memory that
	// the server's folder becomes.
	Disk int64
}

// Server is one server. Its methods end the test when they fail.
type Server struct {
	Dialect string
	Port    int    // on 127.0.0.1
	Socket  string // its folder (PostgreSQL) or path
	Disk    *Disk  // its own, or nil
	t       testing.TB
	engine  engine
	dir     string // as this process sees it
	inside  string // as the server sees it
	attr    *syscall.SysProcAttr
	args    []string
	cmd     *exec.Cmd
	done    chan struct{}
}

// engine is what differs between servers.
type engine struct {
	root   string // the file system it runs in, "" for that of the machine
	uid    string // name of its user
	init   func(s *Server) []string
	serve  func(s *Server) []string
	socket func(dir string) string
	stop   syscall.Signal
	crash  syscall.Signal        // ends it without saving anything; 0 for SIGKILL
	ask    func(s *Server) error // whether it answers
}

// missing ends a test for want of a server's programs: it is skipped, and fails
// where ROWLOCK_TEST_REQUIRE is set and ROWLOCK_TEST_FOREIGN does not name the
// dialect as one whose server is elsewhere.
func missing(t testing.TB, dialect string, err error) {
	t.Helper()
	if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" && !slices.Contains(strings.Fields(os.Getenv("ROWLOCK_TEST_FOREIGN")), dialect) {
		t.Fatalf("start %s: %v", dialect, err)
	}
	t.Skipf("start %s: %v", dialect, err)
}

// Start starts a server and waits until it answers. Where its programs are not
// installed the test is skipped, or fails.
func Start(t testing.TB, dialect string, opt Options) *Server {
	t.Helper()
	find := map[string]func() (engine, error){"postgres": postgres, "mariadb": mariadb, "mysql": mysql}[dialect]
	e, err := find()
	if err == nil && os.Getuid() != 0 && e.root != "" {
		err = errors.New("needs root to run in a folder of its own")
	}
	if err != nil {
		missing(t, dialect, err)
	}
	s := &Server{Dialect: dialect, t: t, engine: e, Port: freePort(t)}
	t.Cleanup(s.remove)
	s.folder(opt.Disk)
	for name, content := range opt.Files {
		s.write(name, content)
	}
	for _, a := range opt.Args {
		s.args = append(s.args, s.expand(a))
	}
	if opt.Clone == nil {
		s.once(e.init(s)...)
	} else {
		s.once(cloneArgs(s, opt.Clone)...)
	}
	s.Run()
	return s
}

// folder makes the server's folder and decides who it runs as.
func (s *Server) folder(disk int64) {
	s.t.Helper()
	var err error
	temp := os.TempDir()
	if s.engine.root != "" {
		temp = filepath.Join(s.engine.root, "tmp")
	}
	s.dir, err = os.MkdirTemp(temp, "rowlock-db-")
	require.NoError(s.t, err)
	s.inside, err = filepath.Rel("/"+s.engine.root, s.dir)
	require.NoError(s.t, err)
	s.inside = "/" + s.inside
	s.Socket = s.engine.socket(s.dir)
	if disk > 0 {
		s.Disk = NewDisk(s.t, s.dir, disk)
	}
	s.attr = processAttr(s.engine.root)
	if os.Getuid() != 0 {
		return
	}
	uid, gid := 65534, 65534
	if u, err := user.Lookup(s.engine.uid); err == nil && s.engine.root == "" {
		uid, _ = strconv.Atoi(u.Uid)
		gid, _ = strconv.Atoi(u.Gid)
	}
	s.attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	require.NoError(s.t, os.Chown(s.dir, uid, gid))
}

// Path returns the path of a file in the server's folder, as this process sees
// it.
func (s *Server) Path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) write(name, content string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.Path(name), []byte(content), 0o600))
	if c := s.attr.Credential; c != nil {
		require.NoError(s.t, os.Chown(s.Path(name), int(c.Uid), int(c.Gid)))
	}
}

// command makes a command that runs as the server's user in its folder.
func (s *Server) command(argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	if s.engine.root != "" {
		cmd.Path, cmd.Err = argv[0], nil // it is another file outside
		cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
	}
	attr := *s.attr
	cmd.Dir, cmd.SysProcAttr = s.inside, &attr
	return cmd
}

// once runs a command to its end.
func (s *Server) once(argv ...string) {
	s.t.Helper()
	out, err := s.command(argv...).CombinedOutput()
	require.NoError(s.t, err, "%v: %s", argv, out)
}

// startTime is how long a server may take until it answers, a recovery
// included.
const startTime = 60 * time.Second

// Run starts the server, after Kill or Stop again, and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	log, err := os.OpenFile(s.Path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer log.Close()
	s.cmd = s.command(append(s.engine.serve(s), s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.done, err = begin(s.cmd)
	require.NoError(s.t, err)
	deadline := time.Now().Add(startTime)
	for {
		err := s.engine.ask(s)
		if err == nil {
			return
		}
		select {
		case <-s.done:
			s.t.Fatalf("%s ended:\n%s", s.Dialect, s.log())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not answer: %v\n%s", s.Dialect, err, s.log())
		}
	}
}

// begin starts a program on a thread that lives as long as it does: the program
// would end with the thread, which tests of network namespaces may end.
func begin(cmd *exec.Cmd) (done chan struct{}, err error) {
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	return done, <-started
}

// PID is the process id of the server.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends the server at once, as a power failure would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
}

// Crash ends the server at once, as Kill does, and returns when all of its
// processes have ended: the children of PostgreSQL outlive a first process that
// is killed for a moment, in which it cannot be started.
func (s *Server) Crash() {
	if s.engine.crash != 0 {
		_ = s.cmd.Process.Signal(s.engine.crash)
		select {
		case <-s.done:
		case <-time.After(startTime):
		}
	}
	s.Kill()
}

// Stop ends the server in order.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(s.engine.stop)
	select {
	case <-s.done:
	case <-time.After(startTime):
		s.Kill()
	}
}

// Pause stops the server's first process from doing anything, and Resume lets
// it go on: to its clients it does not answer.
func (s *Server) Pause() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGSTOP)) }

// Resume ends a Pause.
func (s *Server) Resume() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGCONT)) }

func (s *Server) remove() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGCONT)
		s.Stop()
	}
	if err := errors.Join(s.Disk.Unmount(), os.RemoveAll(s.dir)); err != nil {
		s.t.Errorf("remove server folder: %v", err)
	}
}

// log returns what the server wrote.
func (s *Server) log() string {
	text, err := os.ReadFile(s.Path("log"))
	return fmt.Sprintf("%s%v", text, err)
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// greeted connects to the server's socket, which nobody else can have; both kinds
// of MySQL speak first.
func greeted(s *Server) error {
	c, err := net.DialTimeout("unix", s.Socket, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, err = c.Read(make([]byte, 16))
	return err
}

// Addr is the server's address and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }
