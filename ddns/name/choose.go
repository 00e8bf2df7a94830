package name

import (
	"errors"
	"net/netip"
)

// Replace says when a name that the client sent is replaced by a generated
// one. Names and meanings are those of Kea's ddns-replace-client-name.
type Replace string

// The replace modes.
const (
	ReplaceNever          Replace = "never"            // the client's name, or none
	ReplaceAlways         Replace = "always"           // a generated name for everyone
	ReplaceWhenPresent    Replace = "when-present"     // a generated name for those who sent one
	ReplaceWhenNotPresent Replace = "when-not-present" // a generated name for those who sent none
)

// Source says where a name came from.
type Source uint8

// The sources, weakest first.
const (
	NoSource     Source = iota // there is no name
	FromAddress                // generated
	FromHostname               // Host Name option (RFC 2132 section 3.14)
	FromFQDN                   // Client FQDN option
	FromReserved               // reservation
)

func (s Source) String() string {
	switch s {
	case FromAddress:
		return "generated"
	case FromHostname:
		return "hostname"
	case FromFQDN:
		return "fqdn"
	case FromReserved:
		return "reservation"
	default:
		return "none"
	}
}

// Sources are the names that a client could have.
type Sources struct {
	Reserved string     // of the reservation; empty: none
	FQDN     *FQDN      // Client FQDN option; nil: not sent
	Hostname string     // DHCPv4 Host Name option as sent; empty: not sent
	Addr     netip.Addr // the address of the lease
}

// Choice is the name that a client has.
type Choice struct {
	Name   string // canonical and fully qualified; empty: none
	Source Source
	// Refused joins the reasons why names of better sources were passed over;
	// nil when none was refused. It is for the log: a choice never fails.
	Refused error
}

// Choose takes the name of the best source that has a good one: reservation,
// Client FQDN option, Host Name option, address. The Host Name option counts
// only where no Client FQDN option was sent (RFC 4702 section 3.1). A client
// that sends the option with an empty name asks the server for one (RFC 4702
// section 2.3) and gets a generated one in every mode.
func (r *Rules) Choose(s Sources) Choice {
	var refused []error
	if s.Reserved != "" {
		n, err := r.Reserved(s.Reserved)
		if err == nil {
			return Choice{Name: n, Source: FromReserved}
		}
		refused = append(refused, err)
	}
	sent, full, source := s.sent()
	if sent != "" && (r.cfg.Replace == ReplaceNever || r.cfg.Replace == ReplaceWhenNotPresent) {
		n, err := r.Client(sent, full)
		if err == nil {
			return Choice{Name: n, Source: source, Refused: errors.Join(refused...)}
		}
		refused = append(refused, err)
	}
	if r.generates(s.FQDN != nil && sent == "", sent != "") {
		n, err := r.Generate(s.Addr)
		if err == nil {
			return Choice{Name: n, Source: FromAddress, Refused: errors.Join(refused...)}
		}
		refused = append(refused, err)
	}
	return Choice{Refused: errors.Join(refused...)}
}

// sent returns the name that the client sent, "" for none.
func (s *Sources) sent() (raw string, full bool, source Source) {
	if s.FQDN != nil {
		return s.FQDN.Name, s.FQDN.Full, FromFQDN
	}
	raw = trimZeros(s.Hostname)
	return raw, Dotted(raw), FromHostname
}

// generates tells whether a client without a usable name gets a generated one.
func (r *Rules) generates(asked, sent bool) bool {
	switch r.cfg.Replace {
	case ReplaceAlways, ReplaceWhenNotPresent:
		return true
	case ReplaceWhenPresent:
		return asked || sent
	default:
		return asked
	}
}
