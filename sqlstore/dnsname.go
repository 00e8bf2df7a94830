package sqlstore

import (
	"context"
	"net/netip"
	"time"
)

// Bits of Client.FQDNFlags (column fqdn_flags). The low four are the flags of
// the client's option 81 or 39; these two say what the server decided.
const (
	FQDNForward uint8 = 0x40 // the server keeps the A or AAAA record of Hostname, which is fully qualified
	FQDNReverse uint8 = 0x80 // the server keeps the PTR record of the address
)

// NameState is what is known about a name in DNS.
type NameState uint8

// The states of a name.
const (
	NamePending   NameState = iota + 1 // waits for its update
	NamePublished                      // DNS has what is wanted
	NameConflict                       // somebody else owns the name (RFC 4703)
	NameFailed                         // the server refuses the update for good
	NameNoZone                         // no zone of ours has the name
)

var nameStates = [...]string{"", "pending", "published", "conflict", "failed", "no zone"}

func (s NameState) String() string {
	if int(s) < len(nameStates) {
		return nameStates[s]
	}
	return "state"
}

// NameMark says that what DNS has at a name may have to change. With an Addr,
// the address is among those that may have the name from now on.
type NameMark struct {
	Name string
	Zone string // the zone of ours that it is in; "" for none, or to leave it as it is
	VRF  uint32
	Addr netip.Addr // zero: only mark
}

// DNSName is a row of dns_name: a name in DNS, forward or reverse. Records are
// text, one a line: TTL, type and data, separated by blanks. Times are the
// database's, for display.
type DNSName struct {
	Name      string
	Zone      string
	Version   int64
	State     NameState
	Claim     int64
	Holder    string
	Attempts  int
	Published string // confirmed by the DNS server
	Attempted string // outcome not known
	LastError string
	MarkedAt  time.Time
	DueAt     time.Time // zero: nothing to do
}

// NameHolder is an address that may have a name, and the lease at it.
type NameHolder struct {
	Name string
	VRF  uint32
	Addr netip.Addr
	// Live tells that the address has a live lease, which the rest is of; Name
	// need not be its name any more.
	Live      bool
	Family    Family
	SubnetID  uint32
	Hostname  string
	FQDNFlags uint8
	ValidLft  uint32
	Since     time.Time
	Client    Client // only ClientID, HWAddr, HWType
	// Forward is what is published at Hostname, "" if nothing.
	Forward string
}

// NameAttempt says what is about to be sent for a claimed name.
type NameAttempt struct {
	Name      string
	Claim     int64
	Attempted string // every record that DNS may have from now on
}

// NameOutcome is what became of a claimed name.
type NameOutcome struct {
	Name      string
	Claim     int64
	Version   int64 // as claimed: a higher one keeps the name due
	Zone      string
	State     NameState
	Published string
	Attempted string        // "" when the outcome is known
	Error     string        // at most MaxNameError bytes are kept
	Retry     time.Duration // due again after this; 0: when it is marked
	Failed    bool          // count an attempt; otherwise attempts become 0
	// Stale are addresses that do not have the name any more. They and, with
	// Delete, the row itself are deleted unless the name was marked meanwhile.
	Stale  []NameMark
	Delete bool
	// Touch are marked in the same transaction, whatever became of the claim.
	Touch []NameMark
}

// NameFilter selects names; zero fields select all.
type NameFilter struct {
	Name  string // this one
	Zone  string
	State NameState
	After string // in order of name
	Limit int    // 0: 1,000
}

// ZoneQueue counts the names of a zone that are waiting or tried again.
type ZoneQueue struct {
	Zone      string
	Pending   int64
	Oldest    time.Duration // since the longest waiting one was marked
	Conflicts int64
	Failed    int64
}

// NameStore keeps what DNS has and shall have. A name is worked on under a
// claim that one worker has at a time.
type NameStore interface {
	// MarkNames makes names due and raises their version, also those of no zone; a
	// row that is missing is made. A name that is claimed becomes due when the
	// claim ends. What cannot be a name (empty, longer than 255 bytes) is passed
	// over.
	MarkNames(ctx context.Context, marks []NameMark) error
	// ClaimNames takes up to limit due names, longest due first, that no live
	// claim has and whose zone is not among except, until ttl has passed by
	// database time. A name that another worker is claiming is passed over.
	ClaimNames(ctx context.Context, holder string, ttl time.Duration, limit int, except []string) ([]DNSName, error)
	// NameHolders returns, for each name, the rows of dns_name_addr with the
	// leases at those addresses, in one snapshot.
	NameHolders(ctx context.Context, names []string) ([]NameHolder, error)
	// AttemptNames adds what is about to be sent to what was attempted, and lets
	// the claims end ttl from now. It returns the names whose claim is lost:
	// nothing may be sent for those. A claim that ran out is not lost until
	// another worker has one.
	AttemptNames(ctx context.Context, holder string, ttl time.Duration, attempts []NameAttempt) (lost []string, err error)
	// FinishNames ends claims. A name that was marked since is due at once, and
	// keeps what was attempted: somebody whose claim was lost may have added to
	// it. A name whose claim is lost keeps its row, becomes due once more with
	// Published among what was attempted (it is made if it is gone), and is
	// returned. The names of a call are unique.
	FinishNames(ctx context.Context, holder string, outcomes []NameOutcome) (lost []string, err error)
	// ReleaseNames ends all claims of a holder: of a worker that has just
	// started under this name, or ends. The names are due at once.
	ReleaseNames(ctx context.Context, holder string) (int, error)
	// RezoneNames looks at the next limit rows in order of name and marks those
	// for which zone returns another zone than they have, with that zone.
	RezoneNames(ctx context.Context, after string, limit int, zone func(name string) string) (last string, done bool, err error)
	// NameQueue counts names by zone, in order of zone; zones without pending,
	// conflicting or failed names are left out.
	NameQueue(ctx context.Context) ([]ZoneQueue, error)
	// DNSNames lists rows in order of name.
	DNSNames(ctx context.Context, f NameFilter) ([]DNSName, error)
	// TSIGSecrets returns the secrets of all keys by name, in base64. Only the
	// ddns role may read them.
	TSIGSecrets(ctx context.Context) (map[string]string, error)
}
