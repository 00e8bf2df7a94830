package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"rowlock/admin"
)

// child is a server process of the demonstration.
type child struct {
	id       string
	database string
	cmd      *exec.Cmd
	ready    readyLine
	logFile  string
	// tokenFile has the first token of the API, unless another server made it
	tokenFile string
	dead      bool
	done      chan struct{} // closed when the process has ended
}

// readyLine is the log line by which a server says where it listens.
type readyLine struct {
	Event   string           `json:"event"`
	DHCP4   []netip.AddrPort `json:"dhcp4"`
	DHCP6   []netip.AddrPort `json:"dhcp6"`
	Health  string           `json:"health"`
	Console string           `json:"console"`
}

func (r readyLine) String() string {
	return fmt.Sprintf("dhcp4 %s, dhcp6 %s, health http://%s", r.DHCP4, r.DHCP6, r.Health)
}

const childConfig = `database: %q
frontend_id: %q
state_dir: %q
roles: [dhcp4, dhcp6, ddns, admin]
listen:
  dhcp4: [{address: 127.0.0.1, port: 0}]
  dhcp6: [{address: "::1", port: 0}]
  health: 127.0.0.1:0
  admin: 127.0.0.1:0
log: {level: info, format: json}
`

// start runs a server as a child process and waits until it serves.
func (d *demo) start(ctx context.Context, id, database string) (*child, error) {
	return d.launch(ctx, id, database, childConfig)
}

// launch is start with another process file than usual.
func (d *demo) launch(ctx context.Context, id, database, format string) (*child, error) {
	config := filepath.Join(d.dir, id+".yaml")
	state := filepath.Join(d.dir, "state-"+id)
	err := errors.Join(os.MkdirAll(state, 0o700), os.WriteFile(config, fmt.Appendf(nil, format, database, id, state), 0o600))
	if err != nil {
		return nil, err
	}
	c := &child{id: id, database: database, tokenFile: filepath.Join(state, admin.TokenFile), logFile: filepath.Join(d.dir, id+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(c.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	c.cmd = exec.Command(d.program, "serve", "--config", config)
	c.cmd.SysProcAttr = childAttr()
	c.cmd.Env = childEnv()
	lines, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	d.servers = append(d.servers, c)
	ready, patience := make(chan readyLine, 1), cmp.Or(d.patience, 15*time.Second)
	go c.follow(lines, log, ready)
	select {
	case c.ready = <-ready:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("server %s ended at once: %s", id, tail(c.logFile))
	case <-time.After(patience):
		return nil, fmt.Errorf("server %s is not ready after %v: %s", id, patience, tail(c.logFile))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// console says where the page is that shows all this, and how to get in.
func (d *demo) console() {
	for _, c := range d.servers {
		if _, err := os.Stat(c.tokenFile); err == nil && !c.dead {
			fmt.Fprintf(d.out, "  console: %s, token in %s\n", c.ready.Console, c.tokenFile)
			return
		}
	}
}

// childEnv is the environment without settings that would override the file.
func childEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if len(v) < 8 || v[:8] != "ROWLOCK_" {
			env = append(env, v)
		}
	}
	return env
}

// follow copies the log to its file and looks for the line that says ready.
func (c *child) follow(r io.Reader, log io.WriteCloser, ready chan<- readyLine) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		_, _ = log.Write(append(scan.Bytes(), '\n'))
		var line readyLine
		if json.Unmarshal(scan.Bytes(), &line) == nil && line.Event == "serve.ready" {
			ready <- line
		}
	}
	_ = log.Close()
	_ = c.cmd.Wait()
	close(c.done)
}

// kill ends the process as a crash would.
func (c *child) kill() error {
	c.dead = true
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return nil
}

func (d *demo) stopServers() {
	for _, c := range d.servers {
		if c.dead {
			continue
		}
		c.dead = true
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.done:
		case <-time.After(8 * time.Second):
			_ = c.kill()
		}
	}
	d.servers = nil
}

// tail returns the end of a log for an error message.
func tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if len(b) > 1500 {
		b = b[len(b)-1500:]
	}
	return "its log ends with\n" + string(b)
}
