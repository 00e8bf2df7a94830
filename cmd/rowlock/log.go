package main

import (
	"fmt"
	"io"
	"log/slog"
)

// newLogger returns the logger of the process, which writes to w.
func newLogger(w io.Writer, c logConfig) (*slog.Logger, error) {
	var level slog.Level
	switch c.Level {
	case "debug", "info", "warn", "error":
		if err := level.UnmarshalText([]byte(c.Level)); err != nil {
			return nil, fmt.Errorf("log.level: %w", err)
		}
	default:
		return nil, fmt.Errorf("log.level: %q is not debug, info, warn or error", c.Level)
	}
	opt := &slog.HandlerOptions{Level: level}
	switch c.Format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opt)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opt)), nil
	}
	return nil, fmt.Errorf("log.format: %q is neither text nor json", c.Format)
}
