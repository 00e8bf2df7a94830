package ddns

import (
	"errors"
	"strconv"
	"time"

	"rowlock/sqlstore"
)

// result is how the work on a name ended.
type result uint8

const (
	unfinished result = iota // left as it is: the claim ends, or was lost
	published                // the DNS has what is wanted
	conflict                 // somebody else has the name
	failed                   // the name cannot be published
	later                    // the server cannot be used
	claimLost                // somebody else has the claim
	noZone
)

// job is the work on one claimed name.
type job struct {
	row     sqlstore.DNSName
	holders []sqlstore.NameHolder
	known   records // published
	tried   records // attempted
	want    wanted
	steps   []step
	at      int
	result  result
	sent    bool // a message was sent, or tried to
	moved   bool // a step was done
	unknown bool // whether a step was done is not known
	err     error
	retry   time.Duration
}

// wants computes what the name shall have.
func (j *job) wants(ttl ttlOf) {
	want := wantForward
	if reverseName(j.row.Name) {
		want = wantReverse
	}
	j.want = want(j.row.Name, j.holders, j.known, ttl)
}

// idle tells whether no lease has the name.
func (j *job) idle() bool { return len(j.want.recs) == 0 && len(j.want.stale) == len(j.holders) }

// active tells whether a step is to be sent.
func (j *job) active() bool { return j.result == unfinished && j.at < len(j.steps) }

// advance goes on to the step that follows.
func (j *job) advance(met bool) {
	next := j.steps[j.at].no
	if met {
		j.moved = true
		next = j.steps[j.at].yes
	}
	switch next {
	case endDone:
		j.result = published
	case endConflict:
		j.result, j.err = conflict, errors.New("the name is in use by somebody else: its DHCID is missing or another client's")
	default:
		j.at = next
	}
}

func (j *job) fail(err error) { j.result, j.err = failed, err }

// size estimates how many bytes the step adds to a message.
func (j *job) size() int {
	const fixed = 12
	s := j.steps[j.at]
	n := 0
	for _, p := range s.prereqs {
		n += len(j.row.Name) + fixed
		for _, r := range p.recs {
			n += len(r.data) + fixed
		}
	}
	for _, c := range s.changes {
		n += len(c.rec.data) + fixed
	}
	return n
}

// settle ends a name that nothing is to be sent for.
func (j *job) settle() {
	j.result = published
	if len(j.want.recs) == 0 && j.want.err != nil {
		j.fail(j.want.err)
	}
}

// possible is every record that the DNS may have of ours.
func (j *job) possible() records { return j.want.recs.union(j.known).union(j.tried) }

func active(batch []*job) (out []*job) {
	for _, j := range batch {
		if j.active() {
			out = append(out, j)
		}
	}
	return out
}

// confirmNote stands with a name that is published though the outcome of an
// earlier message about it is not known: a server may carry it out late. The
// name is looked at once more, when that is not to be feared any longer.
func confirmNote(version int64) string {
	return "the outcome of an earlier message was not known: published, and to be confirmed (version " + strconv.FormatInt(version, 10) + ")"
}

// unsure tells whether the name, published by now, has to be confirmed later.
func (j *job) unsure() bool {
	return j.unknown || j.row.Attempted != "" && j.row.LastError != confirmNote(j.row.Version)
}
