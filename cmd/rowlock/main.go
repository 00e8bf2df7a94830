// Command rowlock is a DHCPv4 and DHCPv6 server that keeps all its state in a
// SQL database, and the tools around it. Each subcommand has its own file.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

// run is main with an exit code: 0 done, 1 failed, 2 called in a wrong way.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, uid: os.Getuid()}
	return p.run(ctx, os.Args[1:])
}
