package name

import (
	"errors"
	"fmt"
)

// Reason says why a name was refused. It is an error, so that
// errors.Is(err, ReasonApex) asks for one, and short enough to be a label of a
// metric.
type Reason string

// The reasons. README.md says what to do about each.
const (
	ReasonEmpty       Reason = "empty"        // nothing is left of the name
	ReasonMalformed   Reason = "malformed"    // not a name in the form of the option
	ReasonEmptyLabel  Reason = "empty-label"  // a label is empty, or nothing is left of it
	ReasonLabelLong   Reason = "label-long"   // a label has more than 63 bytes
	ReasonNameLong    Reason = "name-long"    // the name has more than 255 bytes on the wire
	ReasonNotASCII    Reason = "not-ascii"    // raw UTF-8 or another character set
	ReasonCharacter   Reason = "character"    // what a host name may not have; only of Check
	ReasonWildcard    Reason = "wildcard"     // a label is an asterisk
	ReasonAddress     Reason = "address"      // its last label is a number, as in an IPv4 address
	ReasonApex        Reason = "apex"         // the suffix, a zone, or a name above one
	ReasonDenied      Reason = "denied"       // on the deny list
	ReasonOutside     Reason = "outside"      // not below the suffix, where all must be
	ReasonUnqualified Reason = "unqualified"  // a partial name, and there is no suffix
	ReasonNoAddress   Reason = "no-address"   // nothing to make a name from
	ReasonNoIdentity  Reason = "no-identity"  // nothing to make a DHCID from
	ReasonHWType      Reason = "hwtype-range" // a hardware type above 255 has no DHCID
)

// Reasons lists every Reason.
func Reasons() []Reason {
	return []Reason{
		ReasonEmpty, ReasonMalformed, ReasonEmptyLabel, ReasonLabelLong, ReasonNameLong, ReasonNotASCII,
		ReasonCharacter, ReasonWildcard, ReasonAddress, ReasonApex, ReasonDenied, ReasonOutside,
		ReasonUnqualified, ReasonNoAddress, ReasonNoIdentity, ReasonHWType,
	}
}

// Error returns the reason.
func (r Reason) Error() string { return string(r) }

// ReasonOf returns the first reason in err, "" where there is none.
func ReasonOf(err error) Reason {
	r, _ := errors.AsType[Reason](err)
	return r
}

// refuse shows as much of a name as a name may have; a client can send more.
func refuse(name string, r Reason) error {
	return fmt.Errorf("refuse name %.255q: %w", name, r)
}
