package frontend

import (
	"bytes"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// need says whether a message must, may or must not have something.
type need uint8

const (
	may need = iota
	must
	mustNot
)

// rule6 is what section 16 of RFC 9915 wants of one message type.
type rule6 struct {
	name     string // of the type, for counters
	clientID need
	serverID need // and when there is one, it must be ours
	ias      need // mustNot: message with IA options is invalid
}

// rules6 are the messages that a server takes; it discards all others (RFC
// 9915 sections 16, 16.3, 16.10, 16.11 and 16.14).
func rules6(t dhcpv6.MessageType) (rule6, bool) {
	switch t {
	case dhcpv6.MessageTypeSolicit: // section 16.2
		return rule6{"solicit", must, mustNot, may}, true
	case dhcpv6.MessageTypeRequest: // section 16.4
		return rule6{"request", must, must, may}, true
	case dhcpv6.MessageTypeConfirm: // section 16.5
		return rule6{"confirm", must, mustNot, may}, true
	case dhcpv6.MessageTypeRenew: // section 16.6
		return rule6{"renew", must, must, may}, true
	case dhcpv6.MessageTypeRebind: // section 16.7
		return rule6{"rebind", must, mustNot, may}, true
	case dhcpv6.MessageTypeDecline: // section 16.8
		return rule6{"decline", must, must, may}, true
	case dhcpv6.MessageTypeRelease: // section 16.9
		return rule6{"release", must, must, may}, true
	case dhcpv6.MessageTypeInformationRequest: // section 16.12
		return rule6{"information-request", may, may, mustNot}, true
	}
	return rule6{name: "other"}, false
}

// typeName6 returns the name of a message type for counters: a closed set.
func typeName6(t dhcpv6.MessageType) string {
	switch t {
	case dhcpv6.MessageTypeAdvertise:
		return "advertise"
	case dhcpv6.MessageTypeReply:
		return "reply"
	}
	r, _ := rules6(t)
	return r.name
}

// validate6 applies the rules of RFC 9915 section 16. ours is the server's
// DUID; unicast tells that a client sent the packet to an address of ours,
// which it must not (section 16): there is no Server Unicast option any more.
func validate6(q *query6, ours []byte, unicast bool) error {
	rule, ok := rules6(q.kind)
	switch {
	case !ok:
		return drop(ReasonWrongType, "message type %d is not for servers", q.kind)
	case unicast && len(q.relays) == 0:
		return drop(ReasonUnicast, "%s was sent to a unicast address", rule.name)
	case rule.clientID == must && q.clientID == nil:
		return drop(ReasonNoIdentity, "%s has no client identifier", rule.name)
	case rule.serverID == must && q.serverID == nil:
		return drop(ReasonServerIDNeeded, "%s has no server identifier", rule.name)
	case rule.serverID == mustNot && q.serverID != nil:
		return drop(ReasonServerIDExtra, "%s has a server identifier", rule.name)
	case q.serverID != nil && !bytes.Equal(q.serverID, ours):
		return drop(ReasonForeignServer, "%s names server %x", rule.name, q.serverID)
	case rule.ias == mustNot && len(q.ias)+len(q.tas) > 0:
		return drop(ReasonMalformed, "%s has an identity association", rule.name)
	}
	return nil
}
