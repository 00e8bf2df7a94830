package sqlstore

// Ownership tells whose address a DHCPv4 server identifier is.
type Ownership int

// The answers. A REQUEST that names a live sibling is left to it; one that
// names a dead sibling is answered in its name; only an identifier that is
// none of ours ends our own offer (RFC 2131 section 3.1, step 4).
const (
	OwnerNone Ownership = iota // no frontend of this database
	OwnerSelf                  // this frontend
	OwnerLive                  // another frontend, whose heartbeat is fresh
	OwnerDead                  // another frontend, whose heartbeat is over 5 s old
)

var ownershipNames = [...]string{"none", "self", "live", "dead"}

func (o Ownership) String() string {
	if o >= 0 && int(o) < len(ownershipNames) {
		return ownershipNames[o]
	}
	return "ownership"
}
