package frontend

import (
	"encoding/hex"
	"net/netip"
)

// The rules by which a packet is given to a VRF and to a subnet, in the order in
// which they are tried.
const (
	ruleVRFInterface = "interface of the vrf"
	ruleVRFRelay     = "relay of the vrf"
	ruleVRFSubnet    = "interface of a subnet of the vrf"
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
	looks             []look
}

// look is one rule that was tried.
type look struct {
	rule, value string
	addr        netip.Addr // value, where it is one
	found       *network   // nil: no subnet
}

func (t *trace) vrf(rule, value string, id uint32) {
	if t != nil {
		t.vrfRule, t.vrfValue, t.vrfID = rule, value, id
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
