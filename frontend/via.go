package frontend

import (
	"net"
	"sync/atomic"
	"time"
)

// place returns where a packet came in.
func (s *Server) place(p *packet, snap *snapshot) place {
	at := place{src: p.src.Addr().WithZone(""), iface: p.iface}
	switch {
	case len(snap.index.interfaces) == 0:
	case p.iface != nil:
		at.via = p.iface.name
	case p.ifindex != 0:
		at.via = s.interfaces.name(p.ifindex, p.received)
	}
	return at
}

// interfaceNames knows the names of all interfaces, up to watchEvery ago: an
// interface may get another name, and a name another interface.
type interfaceNames struct{ known atomic.Pointer[interfaceList] }

type interfaceList struct {
	at    time.Time
	names map[int]string
}

// name returns the name of the interface with that index, "" if there is none.
func (i *interfaceNames) name(index int, now time.Time) string {
	l := i.known.Load()
	if l == nil || now.Sub(l.at) >= watchEvery {
		l = listInterfaces(now)
		i.known.Store(l)
	}
	return l.names[index]
}

func listInterfaces(now time.Time) *interfaceList {
	l := &interfaceList{at: now, names: map[int]string{}}
	all, err := net.Interfaces()
	if err != nil {
		return l // none is known until they are listed again
	}
	for i := range all {
		l.names[all[i].Index] = all[i].Name
	}
	return l
}
