package frontend

import (
	"encoding/hex"
	"net/netip"
	"slices"
)

// The rules by which a packet is given to a VRF and to a subnet, in the order in
// which they are tried.
const (
	ruleVRFInterface = "interface of the vrf"
	ruleVRFRelay     = "relay of the vrf"
	ruleVRFSubnet    = "interface of a subnet of the vrf"
	ruleVRFCiaddr    = "ciaddr, which the vrf of the interface's subnet does not have"
	ruleVRFDefault   = "no vrf claims it"

	ruleLinkSelection    = "link-selection"
	ruleSubnetSelection  = "subnet-selection"
	ruleRelayList        = "relay list"
	ruleGiaddr           = "giaddr"
	ruleInterfaceID      = "interface-id"
	ruleLinkAddress      = "link-address"
	ruleCiaddr           = "ciaddr"
	ruleInterface        = "interface"
	ruleInterfaceAddress = "address of the interface"
)

// trace remembers how a packet was given to a subnet. The nil trace remembers
// nothing and costs nothing: it is that of the packet path.
type trace struct {
	vrfRule, vrfValue string
	vrfID             uint32
	torn              bool // between relays of two VRFs
	looks             []look
}

// look is one rule that was tried.
type look struct {
	rule, value string
	addr        netip.Addr // value, where it is one
	found       *network   // nil: no subnet
}

func (t *trace) vrf(c *claim, at *place) {
	if t == nil {
		return
	}
	t.vrfRule, t.vrfID, t.torn = c.rule, c.vrf, c.other.IsValid()
	switch {
	case c.addr.IsValid():
		t.vrfValue = c.addr.String()
	case c.rule == ruleVRFInterface:
		t.vrfValue = at.via
	case c.rule == ruleVRFSubnet:
		t.vrfValue = at.iface.name
	}
}

// len returns how many looks there are.
func (t *trace) len() int {
	if t == nil {
		return 0
	}
	return len(t.looks)
}

// prune forgets which looks after the first n found nothing.
func (t *trace) prune(n int) {
	if t != nil {
		t.looks = append(t.looks[:n], slices.DeleteFunc(t.looks[n:], func(l look) bool { return l.found == nil })...)
	}
}

// addr, text and id note a look by rule and value, and return what it found.
func (t *trace) addr(rule string, a netip.Addr, n *network) *network {
	if t != nil {
		t.looks = append(t.looks, look{rule, a.String(), a, n})
	}
	return n
}

func (t *trace) text(rule, value string, n *network) *network {
	if t != nil {
		t.looks = append(t.looks, look{rule: rule, value: value, found: n})
	}
	return n
}

func (t *trace) id(rule string, value []byte, n *network) *network {
	if t != nil {
		t.looks = append(t.looks, look{rule: rule, value: "0x" + hex.EncodeToString(value), found: n})
	}
	return n
}
