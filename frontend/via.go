package frontend

import (
	"net"
	"sync"
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
		if at.via = s.interfaces.name(p.ifindex, p.received); at.via == "" {
			at.unnamed = p.ifindex
		}
	}
	if at.via != "" {
		if _, listed := snap.index.interfaces[at.via]; listed {
			at.bound = p.ifindex
		}
	}
	return at
}

// named returns a Drop where the incoming interface decides about the VRF and its
// name is not known: no other VRF stands in for that of the interface.
func (at *place) named() error {
	if at.unnamed == 0 {
		return nil
	}
	return drop(ReasonUnknownInterface, "nothing is known of interface %d", at.unnamed)
}

// relistEvery is how long interfaces are not listed again for an unknown one: a
// packet of an interface that is gone, or a system that does not tell, may come often.
const relistEvery = 50 * time.Millisecond

// interfaceNames knows the names of all interfaces, up to watchEvery ago: an
// interface may get another name, and a name another interface. A new interface is
// looked for at once. It is safe for concurrent use.
type interfaceNames struct {
	list  func() ([]net.Interface, error) // nil: net.Interfaces
	mu    sync.Mutex                      // held while they are listed
	known atomic.Pointer[interfaceList]
}

type interfaceList struct {
	at    time.Time
	names map[int]string
}

// name returns the name of the interface with that index, "" if there is none or
// the system does not tell.
func (i *interfaceNames) name(index int, now time.Time) string {
	l := i.known.Load()
	if l.settles(index, now) {
		return l.names[index]
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if l = i.known.Load(); !l.settles(index, now) {
		l = i.listed(now)
		i.known.Store(l)
	}
	return l.names[index]
}

// settles tells whether the list need not be made anew for an interface.
func (l *interfaceList) settles(index int, now time.Time) bool {
	if l == nil {
		return false
	}
	if l.names[index] == "" {
		return now.Sub(l.at) < relistEvery
	}
	return now.Sub(l.at) < watchEvery
}

func (i *interfaceNames) listed(now time.Time) *interfaceList {
	l := &interfaceList{at: now, names: map[int]string{}}
	list := i.list
	if list == nil {
		list = net.Interfaces
	}
	all, err := list()
	if err != nil {
		return l // none is known until they are listed again
	}
	for k := range all {
		l.names[all[k].Index] = all[k].Name
	}
	return l
}
