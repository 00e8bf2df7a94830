package ddns

import "time"

// tuning is pauses and limits. Tests use shorter ones.
type tuning struct {
	claim      time.Duration // how long a name is claimed
	reserve    time.Duration // a message to one server needs that much of the claim: over a kept connection, and over a new one
	forward    time.Duration // for which reverse names wait for forward ones
	idle       time.Duration // between two looks for work
	config     time.Duration // between two looks at the revision
	lead       time.Duration // how long a leadership lasts
	slow       time.Duration // between two looks at queue, backlog and consumer
	trim       time.Duration // between two looks at the event log
	backoff    time.Duration // first pause of a server that failed
	backoffTo  time.Duration // longest pause
	retry      time.Duration // between two tries of a name that has a conflict or failed
	confirm    time.Duration // until what may have been carried out late is looked at once more
	storePause time.Duration // after the database did not do something
	connect    time.Duration
	reply      time.Duration
	claims     int // names of one claim
	zones      int // zones that are worked on at the same time
	names      int // names of one message
	bytes      int // of one message, estimated
	events     int // events of one transaction
}

// usual is what serves.
var usual = tuning{
	claim: time.Minute, reserve: 15 * time.Second, forward: 2 * time.Second, idle: 250 * time.Millisecond, config: time.Second,
	lead: 15 * time.Second, slow: 10 * time.Second, trim: time.Minute,
	backoff: time.Second, backoffTo: 5 * time.Minute, retry: time.Hour, confirm: 2 * time.Minute, storePause: time.Second,
	connect: 2 * time.Second, reply: 5 * time.Second,
	claims: 200, zones: 16, names: 100, bytes: 16 << 10, events: 500,
}
