package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

var errRefused = errors.New("not confirmed, nothing was changed")

// confirm asks a question on the terminal. Where there is nobody to ask, the
// flag --yes must be given.
func (p *program) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	if f, ok := p.stdin.(*os.File); !ok || !isatty.IsTerminal(f.Fd()) {
		return usagef("standard input is no terminal to ask on: give --yes to do it without asking")
	}
	fmt.Fprintf(p.stderr, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(p.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errRefused
}
