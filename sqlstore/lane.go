package sqlstore

import (
	"context"
	"net/netip"
	"time"
)

// Fence is what every write of a frontend carries: nothing is changed unless
// the frontend row has this incarnation and a heartbeat under 5 s old by
// database time. The zero Fence is for tools, and always passes.
type Fence struct {
	Frontend    string
	Incarnation int64
}

// LaneStore runs batches: one transaction each.
type LaneStore interface {
	// SplitLanes tells whether inserts and updates run as batches of their own
	// (two lanes); otherwise one writer takes both in one transaction.
	SplitLanes() bool
	// Apply runs one batch in one transaction, durable when it returns without
	// error (a batch of inserts only may be lost in a crash of the database
	// where the engine offers that; it never comes back half). The keys of a
	// batch are unique. Where SplitLanes, a batch has either inserts or updates,
	// of one family.
	Apply(ctx context.Context, b *Batch) (*BatchResult, error)
}

// Batch is what one transaction does. Both lists are sorted by key.
type Batch struct {
	Fence   Fence
	Inserts []Insert
	Updates []Update
}

// Insert makes an offered row unless the key, or one of the item's former
// keys, has a row already.
type Insert struct {
	Family    Family
	Key       Key
	Former    []Key
	VRF       uint32
	Addr      netip.Addr // zero: only look for the row
	PrefixLen uint8
	SubnetID  uint32
	PoolID    uint32
	PoolGen   uint32
	ValidLft  uint32
	PrefLft   uint32
	OfferLft  uint32
	Client    Client
	// Solo asks for a transaction of its own: the address may be wanted by
	// others at the same moment (requested, borrowed or adopted addresses).
	Solo bool
}

// Offered is the row that an Insert makes at that time, as the database has it
// afterwards: dialects need not read back what they have just written.
func (in *Insert) Offered(frontend string, now time.Time) Lease {
	hold := time.Duration(in.OfferLft) * time.Second
	l := Lease{
		Family: in.Family, Key: in.Key, VRF: in.VRF, Addr: in.Addr, PrefixLen: in.PrefixLen,
		SubnetID: in.SubnetID, PoolID: in.PoolID, PoolGen: in.PoolGen,
		State: Offered, ValidLft: in.ValidLft, PreferredLft: in.PrefLft, Rev: now.UnixMicro(), Remaining: hold,
		Since: now.UTC(), Expires: now.Add(hold).UTC(), Frontend: frontend, Client: in.Client,
	}
	if in.Family == IPv4 { // columns that lease4 does not have
		l.PrefixLen, l.PreferredLft, l.Client.IAID = 32, 0, 0
	}
	return l
}

// InsertStatus is what became of an Insert.
type InsertStatus uint8

// The outcomes of an Insert.
const (
	Inserted   InsertStatus = iota + 1 // Lease is the new row
	KeyExists                          // Lease is the row that the key has
	FormerRow                          // Lease is the row that a former key has
	NotPlaced                          // no row for the key: the address is taken, was zero, or another writer is about to commit
	InsertData                         // the database refused the values of this item
)

// InsertResult is the outcome of one Insert.
type InsertResult struct {
	Status InsertStatus
	Lease  Lease
}

// Action is what an Update does to the row.
type Action uint8

// The actions. Those that end a holding (the row was active) write the history
// row, until = least(now, expires_at); an Activate or Hold that finds the row
// active but run out does the same, because it begins a new holding.
const (
	// Activate: state active, expires_at = now + ValidLft; since = now unless
	// the row was live already.
	Activate Action = iota + 1
	// Hold: state offered, expires_at = now + OfferLft.
	Hold
	// Release: state released (a reserved key: reserved), expires_at =
	// least(now, expires_at), reclaim_at = now + Grace.
	Release
	// Expire: state expired (a reserved key: reserved), reclaim_at =
	// expires_at + Grace. Only where expires_at <= now.
	Expire
	// Quarantine: key becomes NewKey, the old one goes to parked_key, state
	// declined, expires_at = least(now, expires_at), reclaim_at = now + Grace
	// (Grace is the probation period).
	Quarantine
	// Park: likewise but expires_at stays, state parked, reclaim_at =
	// greatest(expires_at, now) + Grace; an infinite lease: now + ParkMax.
	Park
	// Rekey: key becomes NewKey and nothing else changes; alone in its batch.
	// A unique violation is Status Mismatch.
	Rekey
	// Withdraw: an offered row's expires_at = now.
	Withdraw
)

// Update changes one row, found by key and guarded: by address always; by Rev
// when it is not 0; else the row must be offered, or active and not run out.
// Rows locked by somebody else are skipped.
type Update struct {
	Family   Family
	Action   Action
	Key      Key
	NewKey   Key
	Addr     netip.Addr
	Rev      int64
	Message  int // items with the same number are changed all or none
	Count    int // how many items the message has
	ValidLft uint32
	PrefLft  uint32
	OfferLft uint32
	Grace    uint32 // seconds
	ParkMax  uint32 // seconds
	// Client replaces what the row has, for Activate and Hold; an empty relay
	// address, circuit-id, remote-id, subscriber-id, relay-id or hardware
	// address keeps the stored one (a unicast renewal lacks them), and so do an
	// empty client identifier and an empty hostname, with its flags.
	Client Client
}

// UpdateStatus is what became of an Update.
type UpdateStatus uint8

// The outcomes of an Update.
const (
	Updated      UpdateStatus = iota + 1 // Lease is the row after the change
	Mismatch                             // the guard did not hold, or a sibling of the message kept it back; Lease is the row as it is
	Locked                               // somebody else holds the row: a lost race
	NoRow                                // the key has no row
	UpdateFenced                         // the frontend may not write
	UpdateData                           // the database refused the values of this item
)

// UpdateResult is the outcome of one Update. For Updated, Fresh tells that a
// new holding began.
type UpdateResult struct {
	Status UpdateStatus
	Lease  Lease
	Fresh  bool
}

// BatchResult is the outcome of a batch; its lists are parallel to those of
// the Batch.
type BatchResult struct {
	Revision int64 // newest configuration revision
	Alive    bool  // false: the fence did not pass and nothing was written
	Inserts  []InsertResult
	Updates  []UpdateResult
}
