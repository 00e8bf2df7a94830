package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rowlock/sqlstore/dialects"
)

// startPostgres starts a throw-away PostgreSQL on a unix socket where its
// programs are installed, and returns its URL; "" when they are not.
func (d *demo) startPostgres(ctx context.Context) (string, error) {
	bin := postgresBin()
	if bin == "" {
		return "", nil
	}
	dir, err := os.MkdirTemp("", "rowlock-demo-pg-")
	if err != nil {
		return "", err
	}
	d.cleanup = append(d.cleanup, func() { _ = os.RemoveAll(dir) })
	attr, err := unprivileged(dir)
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "rowlock", "-A", "trust", "-E", "UTF8", "--locale=C")
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "shared_buffers=128MB")
	server.Dir, server.SysProcAttr = dir, attr
	logFile := filepath.Join(dir, "log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	server.Stdout, server.Stderr = log, log
	err = errors.Join(server.Start(), log.Close()) // the process has its own descriptor
	if err != nil {
		return "", fmt.Errorf("start postgres: %w", err)
	}
	ended := make(chan struct{})
	go func() { _ = server.Wait(); close(ended) }()
	d.cleanup = append(d.cleanup, func() {
		_ = server.Process.Signal(syscall.SIGINT)
		<-ended
	})
	url := "postgres://rowlock@/postgres?host=" + dir
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, _, err = dialects.Report(ctx, url, "VALUES (1)"); err == nil {
			return url, nil
		}
		select {
		case <-ended:
			return "", fmt.Errorf("postgres ended at once: %s", lastLine(logFile))
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("postgres does not answer: %w", err)
		}
	}
}

// lastLine returns the last line of a log that says something.
func lastLine(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return "its log is empty"
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// postgresBin finds the folder of PostgreSQL's server programs, the newest one
// where Debian keeps several.
func postgresBin() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(dirs)
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir
		}
	}
	if file, err := exec.LookPath("initdb"); err == nil {
		if file, err = filepath.EvalSymlinks(file); err == nil {
			return filepath.Dir(file)
		}
	}
	return ""
}

// unprivileged gives the folder to an ordinary user when this runs as root,
// which PostgreSQL refuses to, and returns how to start processes as that user.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := childAttr()
	if os.Getuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("find an ordinary user for postgres: %w", err)
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	if attr == nil {
		attr = &syscall.SysProcAttr{}
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, uid, gid)
}
