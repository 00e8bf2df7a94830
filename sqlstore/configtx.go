package sqlstore

import (
	"math"
)

// ConfigHead is the row of config_head.
type ConfigHead struct {
	Revision  int64  // the newest one
	Described int64  // the newest one that has a row in config_revision; older than Revision after changes by hand
	Comment   string // change_comment: what somebody who changed rows by hand wants kept with the revision
	Secret    []byte
}

// NobodyUses is what ConfigTx.InUse returns while no frontend lives.
const NobodyUses = int64(math.MaxInt64)

// RetiredPool is a generation of a pool that is no more, and that frontends may
// still hand addresses out of: its geometry, without subnet and link.
type RetiredPool struct {
	Pool *Pool
	Rev  int64 // the revision that ended it
}

// RevisionContent is what a config_revision row keeps of the configuration.
type RevisionContent struct {
	Revision int64
	Full     bool // Data is all of it, else what changed since the content before
	Data     []byte
}

// NewRevision is a config_revision row to be written.
type NewRevision struct {
	Number          int64
	Author, Comment string
	Diff            string // for people, a line for each Change
	Content         RevisionContent
	// Links are the ids of links that changed, and Global tells that something
	// outside of links did: config_change. Both are empty where triggers have
	// seen to it.
	Links  []uint32
	Global bool
}

// ConfigTx is what a dialect does about the configuration, within one
// transaction that holds the lock of config_head. While it lasts the triggers of
// the configuration tables leave its statements alone.
type ConfigTx interface {
	// Head returns config_head, locked.
	Head() (ConfigHead, error)
	// Load reads the whole configuration as the rows say.
	Load() (*Config, error)
	// UsedIDs returns the ids that were ever used.
	UsedIDs() (UsedIDs, error)
	// Authors returns who changed rows by hand after a revision, in order, each
	// once.
	Authors(after int64) ([]string, error)
	// InUse returns the oldest revision that a live frontend uses, NobodyUses if
	// there is none. Frontends that are not alive have a new incarnation from then
	// on: what one that was paused is about to write is not written.
	InUse() (int64, error)
	// Retired returns the generations whose retired_rev is set.
	Retired() ([]RetiredPool, error)
	// Held tells how many leases of another prefix length are held in the ranges
	// of pools, by the pool's id; those without any are left out.
	Held(pools []*Pool) (map[uint32]int64, error)
	// Relabel gives leases and free addresses in the ranges of the pools their
	// names.
	Relabel(pools []*Pool) error
	// Put brings the rows from what old says to what next says, and adds the
	// pools' generations to pool_gen.
	Put(old, next *Config) error
	// Retire sets retired_rev of generations; 0 clears it.
	Retire(pools []*Pool, rev int64) error
	// Open takes the waiting flag from pools.
	Open(pools []*Pool) error
	// PutConsumer has the row ddns of event_consumer while there is a zone.
	PutConsumer() error
	// Contents returns the newest full content at or before a revision, and those
	// after it up to the revision, in order.
	Contents(revision int64) ([]RevisionContent, error)
	// Record makes n.Number the newest revision and the newest described one,
	// writes its rows of config_revision and config_change, and empties
	// change_comment.
	Record(n NewRevision) error
}
