package name

// Policy is what a site sets about who updates the DNS. The names are Kea's.
// The zero value updates nothing.
type Policy struct {
	SendUpdates          bool // update the DNS at all
	OverrideNoUpdate     bool // also for clients that ask for no update
	OverrideClientUpdate bool // the forward zone also for clients that want to do so themselves
}

// Decision says what the server does in the DNS for one lease.
type Decision struct {
	Forward bool // the A or AAAA record, with its DHCID
	Reverse bool // the PTR record
}

// Decide says what the server does for a client that sent this Client FQDN
// option (RFC 4702 section 4, RFC 4704 section 6); nil for one that sent none,
// which leaves all to the server. named tells whether there is a name to
// publish.
//
// A client that sets both N and S breaks RFC 4702 section 2.1; its N counts, so
// that nothing is published against its will.
func (p Policy) Decide(client *FQDN, named bool) Decision {
	switch {
	case !p.SendUpdates || !named:
		return Decision{}
	case client == nil:
		return Decision{Forward: true, Reverse: true}
	case client.N: // RFC 4702 section 3.4
		return Decision{Forward: p.OverrideNoUpdate, Reverse: p.OverrideNoUpdate}
	case client.S: // RFC 4702 section 3.3
		return Decision{Forward: true, Reverse: true}
	default: // RFC 4702 section 3.2: the client does the forward zone
		return Decision{Forward: p.OverrideClientUpdate, Reverse: true}
	}
}

// Reply returns the option that answers a client's (RFC 4702 section 4, RFC
// 4704 section 6): S and N as decided, O where S is not what the client asked
// for, the name in the encoding that the client used. name is canonical and
// qualified; where it is empty the option has no name.
func (d Decision) Reply(client FQDN, name string) FQDN {
	return FQDN{
		Name: name,
		Full: name != "",
		S:    d.Forward,
		O:    d.Forward != client.S,
		N:    !d.Forward && !d.Reverse,
		E:    client.E,
	}
}
