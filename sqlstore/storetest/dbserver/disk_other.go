//go:build !linux

package dbserver

import "errors"

func (s *Server) mount(int64)    { missing(s.t, s.Dialect, errors.New("a disk of its own needs Linux")) }
func (s *Server) unmount() error { return nil }

// FillDisk needs Linux.
func (s *Server) FillDisk() {}

// FreeDisk needs Linux.
func (s *Server) FreeDisk() {}
