package sqlstore

import (
	"fmt"
	"net/netip"
)

// vrfs checks what selects an address plan: a packet must lead to one.
func (k *checker) vrfs(all []VRF) {
	ids := map[uint32]bool{}
	interfaces, relays := map[string]*place{}, map[netip.Addr]*place{}
	for i, v := range all {
		at := (*place)(nil).item("vrfs", i).named("vrf %d", v.ID)
		if v.ID < 1 || v.ID > MaxID {
			k.add(at.key("vrf"), fmt.Sprint(v.ID), "a vrf with selectors must be from 1 to %d", MaxID)
		}
		if ids[v.ID] {
			k.add(at.key("vrf"), fmt.Sprint(v.ID), "a vrf must be there once only")
		}
		ids[v.ID] = true
		k.comment(at, v.Comment)
		for j, name := range v.Interfaces {
			here := at.item("interfaces", j)
			if name == "" || !interfaceName(name) {
				k.add(here, fmt.Sprintf("%q", name), "an interface must be a name of 1 to 15 characters without space, slash and colon")
			}
			selectsVRF(k, here, "interface", name, at, interfaces)
		}
		for j, a := range v.Relays {
			here := at.item("relays", j)
			if !unicast(a) {
				k.add(here, a.String(), "a relay must be a unicast address")
				continue
			}
			selectsVRF(k, here, "relay", a, at, relays)
		}
	}
}

// selectsVRF notes that a value leads to the vrf at by, and to no other one.
func selectsVRF[V comparable](k *checker, here *place, what string, value V, by *place, seen map[V]*place) {
	other, taken := seen[value]
	switch {
	case !taken:
		seen[value] = by
	case other == by:
		k.add(here, fmt.Sprint(value), "an interface or relay must be listed once only")
	default:
		k.add(here, fmt.Sprintf("%v also selects %s", value, other.object()), "the same %s must not select two vrfs", what)
	}
}
