// Command rowperf drives a DHCPv4 or DHCPv6 server with many clients behind
// relay agents, measures it, and checks every answer: no address may ever be
// acknowledged to two clients at one time.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errFailed is returned when the reason has been printed already.
var errFailed = errors.New("failed")

// usageError marks an error in what was asked for.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := rootCommand()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "rowperf: %v (see rowperf --help)\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "rowperf: %v\n", err)
		return exitFailed
	}
}

func rootCommand() *cobra.Command {
	f := &flags{}
	cmd := &cobra.Command{
		Use:   "rowperf --server ADDR:PORT --relay ADDR [flags]",
		Short: "Load generator and protocol checker for DHCPv4 and DHCPv6",
		Example: `  rowperf --server 127.0.0.1:6767 --relay 10.20.0.1 -n 2000 --rate 1000
  rowperf --server [::1]:6547 --family 6 --pd --relay 2001:db8:1::1 --saturate 256 --duration 10s`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown argument %q", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return drive(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f.register(cmd.Flags())
	cmd.AddCommand(verifyCommand())
	return cmd
}
