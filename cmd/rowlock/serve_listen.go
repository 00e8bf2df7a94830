package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"rowlock/frontend"
)

// listenConfigs turns the process file's list into the frontend's; without one
// relayed traffic is taken on every address.
func listenConfigs(list []listenAddress, all netip.Addr, port uint16) []frontend.ListenConfig {
	if len(list) == 0 {
		list = []listenAddress{{Address: all.String()}}
	}
	var out []frontend.ListenConfig
	for _, l := range list {
		if l.Interface != "" {
			out = append(out, frontend.ListenConfig{Kind: frontend.ListenInterface, Interface: l.Interface, Port: l.port(port)})
			continue
		}
		at := netip.AddrPortFrom(netip.MustParseAddr(l.Address), l.port(port))
		out = append(out, frontend.ListenConfig{Kind: frontend.ListenUDP, Address: at})
	}
	return out
}

// listenHint adds what to do to the errors that newcomers meet.
func listenHint(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w (run as root or by the systemd unit, or name an address with a higher port under listen in the process file)", err)
	}
	return err
}

func byFamily(addrs []netip.AddrPort) (v4, v6 []netip.AddrPort) {
	for _, a := range addrs {
		if a.Addr().Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return v4, v6
}
