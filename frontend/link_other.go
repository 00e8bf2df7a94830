//go:build !linux

package frontend

import "runtime"

// openLink has no packet sockets to open.
func openLink(*iface, uint16) (conn, error) { return nil, DirectLinks(runtime.GOOS) }
