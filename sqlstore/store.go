package sqlstore

import (
	"context"
	"net/netip"
	"time"
)

// Store is one database. All methods are safe for concurrent use and return
// the sentinel errors of this package, wrapped. Times are the database's.
type Store interface {
	LaneStore
	HintStore
	SweepStore
	FrontendStore
	ConfigStore
	RevisionStore
	LeaseStore
	AdminStore
	EventStore
	NameStore
	CopyStore

	// Dialect names the engine: "postgres", "mysql", "mariadb" or "sqlite".
	Dialect() string
	// Version is the database server's own version text.
	Version() string
	// Ping tells whether the database answers, ErrUnavailable if not.
	Ping(ctx context.Context) error
	// CheckSchema returns ErrSchema, with the command that mends it, unless the
	// schema is one this program can work with, and ErrMoved when a move was
	// begun or done.
	CheckSchema(ctx context.Context) error
	// Close ends all connections; transactions under way are given up.
	Close() error
}

// MaxHints is how many addresses of a pool can be asked for at a time.
const MaxHints = 2048

// PoolNeed asks for free addresses of a pool.
type PoolNeed struct {
	Pool *Pool
	Want int // how many, 1 to MaxHints
	// Known are the chunks of the pool that the frontend has in hand. Others of its
	// own were made for it without its knowledge, by a call whose outcome it did
	// not learn, and are handed out to it once more; nil: there are none.
	Known []int64
}

// FreeAddr is an address that is probably free. Token is not zero when it came
// from addr_free.
type FreeAddr struct {
	Addr      netip.Addr
	Token     int64
	Exclusive bool // handed to nobody else
}

// Hints is what was found for one pool. Chunk is the id of the addr_chunk row
// that backs the addresses, 0 if none.
type Hints struct {
	Pool   *Pool
	Source HintSource
	Chunk  int64
	Addrs  []FreeAddr
	// More tells that Addrs is empty because all that was looked at is in use,
	// and there is more to look at.
	More bool
	// Gone tells that the pool has another generation by now: whoever asks has an
	// old configuration.
	Gone bool
}

// HintStore hands out addresses that are probably free. It never decides:
// the unique constraint on (vrf, addr) does. The pools of a call are different
// ones; a call is one transaction.
type HintStore interface {
	// TakeFree reserves addresses, for each pool from the first source that has
	// any: chunks whose holder is dead, the pool's cursor, addr_free. Addresses
	// that have a row are left out. A Hints without Addrs, More and Gone means
	// that these are dry.
	TakeFree(ctx context.Context, f Fence, needs []PoolNeed) ([]Hints, error)
	// Borrow names addresses without a row that another frontend holds. They are
	// not exclusive, and nothing is written.
	Borrow(ctx context.Context, f Fence, needs []PoolNeed) ([]Hints, error)
	// DoneFree tells that the addresses of these chunks and tokens are used up:
	// chunk rows and addr_free rows are deleted, guarded by holder and token.
	DoneFree(ctx context.Context, f Fence, chunks []int64, used []UsedFree) error
	// Reclaim deletes up to n dead rows of each pool, longest dead first, whose
	// reclaim_at has passed, and lists their addresses in addr_free. It returns
	// how many, by pool.
	Reclaim(ctx context.Context, pools []*Pool, n int) ([]int, error)
	// Scrub looks at ScrubWindow indexes of the pool below its cursor, beginning
	// with from, and lists in addr_free the addresses that are in no row, no
	// chunk of a live frontend and not in addr_free. It returns how many, and
	// with which index to go on; 0 at the end.
	Scrub(ctx context.Context, f Fence, pool *Pool, from uint64) (listed int, next uint64, err error)
	// DropChunks deletes the chunks of pool generations that are not in use any
	// more, and returns how many.
	DropChunks(ctx context.Context) (int, error)
}

// UsedFree names an addr_free row.
type UsedFree struct {
	VRF   uint32
	Addr  netip.Addr
	Token int64
}

// Due names a row whose expires_at has passed.
type Due struct {
	Key   Key
	Addr  netip.Addr
	State State // Offered or Active
	Rev   int64
}

// SweepStore is the work that one frontend at a time does for all. Ending
// leases itself goes through LaneStore.Apply with Expire and the zero Fence.
type SweepStore interface {
	// Lead takes or keeps the named leadership for ttl by database time and
	// returns the fencing number; ErrConflict when somebody else has it.
	Lead(ctx context.Context, name, holder string, ttl time.Duration) (int64, error)
	// Due looks, without locks, at the next limit offered or active rows after
	// the given key in key order, and returns those whose expires_at has passed
	// and the last key looked at; done when the table is at its end.
	Due(ctx context.Context, f Family, after Key, limit int) (due []Due, last Key, done bool, err error)
	// DeleteOffers deletes dead offers, guarded by rev, and lists their
	// addresses in addr_free. It returns how many.
	DeleteOffers(ctx context.Context, f Family, due []Due) (int, error)
	// Forget deletes up to limit rows that nobody waits for any more: ended
	// bindings affinity seconds after their reclaim_at, parked and declined
	// rows at their reclaim_at. Their addresses go to addr_free. Rows of
	// reserved keys are never deleted.
	Forget(ctx context.Context, f Family, affinity uint32, limit int) (int, error)
	// ForgetAbove deletes, of each pool that has more than maxDead ended bindings
	// whose reclaim_at has passed, those that ended first, up to limit rows in
	// all. Their addresses go to addr_free; rows of reserved keys stay.
	ForgetAbove(ctx context.Context, f Family, maxDead uint32, limit int) (int, error)
	// MakePartitions prepares history partitions for the months ahead, where
	// the engine has them.
	MakePartitions(ctx context.Context) error
	// BoundHistory deletes history that is older than the parameter
	// history_retention of the database, whole months where it has partitions, at
	// most TrimStep rows beside these. gone is how many months and rows went. stray
	// tells that rows are where a month of their own should be.
	BoundHistory(ctx context.Context) (gone int, stray bool, err error)
	// BoundEvents keeps the bag of events from growing while nobody takes them
	// out: of one that spans more than limit ids it deletes the oldest, up to
	// TrimStep, and asks ConsumerDDNS in the same transaction for a look at all
	// leases. It returns how many it deleted.
	BoundEvents(ctx context.Context, limit int64) (int, error)
}

// FrontendInfo is a frontend's own row.
type FrontendInfo struct {
	ID          string
	Incarnation int64 // set by Register
	Host        string
	Version     string
	Roles       []string
	Addrs       []netip.Addr // its DHCPv4 server identifiers
	Revision    int64        // configuration revision in use: the oldest that a message under way was begun with
	// RefusedRevision is the newest one if it cannot be used, and Refused says
	// why; 0 and "" otherwise.
	RefusedRevision int64
	Refused         string
	Draining        bool
	Exchanges       int64         // leases acknowledged since the process began
	Age             time.Duration // since its last heartbeat, by database time; read only
}

// FrontendStore keeps the membership table.
type FrontendStore interface {
	// Register writes the row with a new, higher incarnation and returns it.
	// ErrMoved when a move has marked the database.
	Register(ctx context.Context, f FrontendInfo) (incarnation int64, err error)
	// Heartbeat refreshes the row and returns all frontends seen in the last
	// day with their ages, and the configuration revision. ErrFenced when the
	// row has another incarnation, ErrMoved as with Register.
	Heartbeat(ctx context.Context, f FrontendInfo) (all []FrontendInfo, revision int64, err error)
	// Unregister removes the row, so that others take over at once.
	Unregister(ctx context.Context, f Fence) error
	// Frontends lists the rows, for reports.
	Frontends(ctx context.Context) ([]FrontendInfo, error)
}

// ConfigStore keeps the network configuration.
type ConfigStore interface {
	// Revision returns the newest revision.
	Revision(ctx context.Context) (int64, error)
	// WaitRevision returns when a revision newer than known may exist, or after
	// about 250 ms; a hint, never the truth.
	WaitRevision(ctx context.Context, known int64) error
	// LoadConfig reads the whole configuration in one snapshot.
	LoadConfig(ctx context.Context) (*Config, error)
	// ApplyConfig replaces the configuration by c in one transaction and
	// returns the new revision; when base is no longer the newest revision, and not
	// AnyRevision, ErrConflict; ErrHeld when leases of another prefix length are
	// held where a pool is to be. Ids of c that are 0 are chosen; a pool whose
	// geometry changed gets a new generation, which waits while frontends may
	// still delegate prefixes of another length in its range. The caller has
	// checked c. What was changed by hand before is described first.
	ApplyConfig(ctx context.Context, base int64, c *Config, author, comment string) (int64, error)
}

// RevisionStore keeps the history of the configuration, and what rows changed
// by hand and pools that change hands need beside it.
type RevisionStore interface {
	// LoadChanges returns what LoadConfig would, in one snapshot: links that did
	// not change since known are shared with it, and only the others are read. It
	// returns known itself when that is the newest revision.
	LoadChanges(ctx context.Context, known *Config) (*Config, error)
	// GatherConfig writes down what was changed by hand since the newest revision
	// that is described, if anything was: one config_revision row with the newest
	// number, and the names of leases in the ranges of changed pools. known saves
	// work where it is the configuration that was described last; nil: read it. It
	// returns the newest revision.
	GatherConfig(ctx context.Context, known *Config) (int64, error)
	// SettleConfig takes leave of generations of pools that no live frontend uses
	// any more, and opens the pools that waited for their ranges. What was changed
	// by hand is described first, as by GatherConfig. It returns how many of both
	// are left. known saves work where it is the newest configuration; nil: read it.
	SettleConfig(ctx context.Context, known *Config) (left int, err error)
	// ConfigAt returns the configuration of a revision in config_revision;
	// ErrNotFound where there is none, or it was not kept.
	ConfigAt(ctx context.Context, revision int64) (*Config, error)
	// CountLive counts the active leases in the ranges of pools, whoever they
	// belong to. Those that are only offered are not counted.
	CountLive(ctx context.Context, pools []*Pool) ([]int64, error)
}

// LeaseFilter selects leases; zero fields select all.
type LeaseFilter struct {
	Family   Family
	SubnetID uint32
	State    State
	Addr     netip.Addr
	HWAddr   []byte
	// After continues a listing after this address (in order of vrf, address).
	AfterVRF  uint32
	AfterAddr netip.Addr
	Limit     int // 0: 1,000
}

// LeaseStore is for people and tools.
type LeaseStore interface {
	// Leases lists rows in order of (vrf, address). Expired-by-time active rows
	// are reported as Expired.
	Leases(ctx context.Context, f LeaseFilter) ([]Lease, error)
	// CountLeases counts rows by subnet and state.
	CountLeases(ctx context.Context, family Family) (map[uint32]map[State]int64, error)
}
