package site

import (
	"fmt"
	"net/netip"

	"rowlock/sqlstore"
)

// selectors notes interfaces and relays of subnets that select nothing, because vrfs
// send their packets to another address plan. c is as the document has it, links and
// subnets in its order.
func (r *reader) selectors(root *node, c *sqlstore.Config) {
	if r.notes == nil || len(c.VRFs) == 0 {
		return
	}
	interfaces, relays := map[string]uint32{}, map[netip.Addr]uint32{}
	direct := map[uint32]bool{} // vrfs that are told by interface, before any relay
	for _, v := range c.VRFs {
		for _, name := range v.Interfaces {
			interfaces[name], direct[v.ID] = v.ID, true
		}
		for _, a := range v.Relays {
			relays[a] = v.ID
		}
	}
	shared, lone := 0, 0
	for _, l := range c.Links {
		path := fmt.Sprintf("subnets[%d]", lone)
		if l.Name != "" {
			path = fmt.Sprintf("shared_networks[%d].subnets", shared)
			shared++
		} else {
			lone++
		}
		for i, s := range l.Subnets {
			at := path
			if l.Name != "" {
				at += fmt.Sprintf("[%d]", i)
			}
			if vrf, listed := interfaces[s.Interface]; listed && vrf != l.VRF {
				r.elsewhere(root.find(at+".interface"), s, "interface "+s.Interface, vrf)
			}
			for j, a := range s.Relays {
				if vrf, listed := relays[a]; listed && vrf != l.VRF && !direct[l.VRF] {
					r.elsewhere(root.find(fmt.Sprintf("%s.relay[%d]", at, j)), s, "relay "+a.String(), vrf)
				}
			}
		}
	}
}

func (r *reader) elsewhere(at *node, s *sqlstore.Subnet, selector string, vrf uint32) {
	r.note(at.line, fmt.Sprintf("subnet %s: %s never selects it, its packets belong to vrf %d", s.Prefix, selector, vrf))
}
