package ddns

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// memStore is a store in memory: the interfaces of sqlstore as they are
// explained there, one lock for each transaction. fault, when set, is asked
// before each method and after it.
type memStore struct {
	mu       sync.Mutex
	fault    func(method string, after bool) error
	config   *sqlstore.Config
	secrets  map[string]string
	consumer map[string]int64
	leads    map[string]*memLead
	leases   map[memAddr]*memLease
	bag, log []sqlstore.Event
	events   int64
	names    map[string]*memName
	addrs    map[string]map[memAddr]bool
}

type memAddr struct {
	vrf  uint32
	addr netip.Addr
}

type memLease struct {
	sqlstore.NameHolder
	live bool
}

type memLead struct {
	holder string
	fence  int64
	until  time.Time
}

type memName struct {
	sqlstore.DNSName
	due time.Time // zero: not due; the end of the claim while it has a holder
}

var _ Store = (*memStore)(nil)

func newMemStore() *memStore {
	return &memStore{
		config: &sqlstore.Config{Revision: 1}, secrets: map[string]string{}, consumer: map[string]int64{sqlstore.ConsumerDDNS: 0},
		leads: map[string]*memLead{}, leases: map[memAddr]*memLease{}, names: map[string]*memName{}, addrs: map[string]map[memAddr]bool{},
	}
}

// enter begins a method and returns what ends it.
func (m *memStore) enter(method string) (leave func(*error), err error) {
	m.mu.Lock()
	if m.fault != nil {
		if err := m.fault(method, false); err != nil {
			m.mu.Unlock()
			return nil, err
		}
	}
	return func(err *error) {
		if m.fault != nil && *err == nil {
			*err = m.fault(method, true)
		}
		m.mu.Unlock()
	}, nil
}

// assign gives an address to a client, as the engine writes it.
func (m *memStore) assign(addr, host string, flags uint8, client sqlstore.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := netip.MustParseAddr(addr)
	f := sqlstore.IPv4
	if a.Is6() {
		f = sqlstore.IPv6
	}
	kind := sqlstore.EventAssigned
	since := time.Now()
	if old := m.leases[memAddr{0, a}]; old != nil && old.live {
		kind, since = sqlstore.EventChanged, old.Since
	}
	m.leases[memAddr{0, a}] = &memLease{live: true, NameHolder: sqlstore.NameHolder{
		Addr: a, Live: true, Family: f, SubnetID: 1, Hostname: host, FQDNFlags: flags, ValidLft: 3600, Since: since, Client: client,
	}}
	m.event(kind, m.leases[memAddr{0, a}])
}

// end ends the lease of an address.
func (m *memStore) end(addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[memAddr{0, netip.MustParseAddr(addr)}]
	l.live = false
	m.event(sqlstore.EventEnded, l)
}

func (m *memStore) event(kind sqlstore.EventKind, l *memLease) {
	if _, ok := m.consumer[sqlstore.ConsumerDDNS]; !ok {
		return
	}
	m.events++
	m.bag = append(m.bag, eventOf(m.events, kind, l))
}

func eventOf(id int64, kind sqlstore.EventKind, l *memLease) sqlstore.Event {
	return sqlstore.Event{
		ID: id, Kind: kind, Family: l.Family, Addr: l.Addr, PrefixLen: uint8(l.Addr.BitLen()), SubnetID: l.SubnetID,
		Hostname: l.Hostname, FQDNFlags: l.FQDNFlags, State: sqlstore.Active,
	}
}

// rows returns the rows of dns_name for looking at.
func (m *memStore) rows() map[string]sqlstore.DNSName {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]sqlstore.DNSName{}
	for n, r := range m.names {
		row := r.DNSName
		row.DueAt = r.due
		out[n] = row
	}
	return out
}

func (m *memStore) Lead(_ context.Context, n, holder string, ttl time.Duration) (fence int64, err error) {
	leave, err := m.enter("Lead")
	if err != nil {
		return 0, err
	}
	defer leave(&err)
	l := m.leads[n]
	if l == nil {
		l = &memLead{}
		m.leads[n] = l
	}
	live := time.Now().Before(l.until)
	switch {
	case live && l.holder != holder:
		return 0, sqlstore.ErrConflict
	case !live || l.holder != holder:
		l.fence++
	}
	l.holder, l.until = holder, time.Now().Add(ttl)
	return l.fence, nil
}

func (m *memStore) Revision(context.Context) (rev int64, err error) {
	leave, err := m.enter("Revision")
	if err != nil {
		return 0, err
	}
	defer leave(&err)
	return m.config.Revision, nil
}

func (m *memStore) LoadConfig(context.Context) (c *sqlstore.Config, err error) {
	leave, err := m.enter("LoadConfig")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	return m.config, nil
}

func (m *memStore) TSIGSecrets(context.Context) (s map[string]string, err error) {
	leave, err := m.enter("TSIGSecrets")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	return maps.Clone(m.secrets), nil
}

func (m *memStore) Sequence(_ context.Context, l sqlstore.Lead, limit int, marks func(*sqlstore.Event) []sqlstore.NameMark) (n int, err error) {
	leave, err := m.enter("Sequence")
	if err != nil {
		return 0, err
	}
	defer leave(&err)
	lead := m.leads[l.Name]
	if lead == nil || lead.holder != l.Holder || lead.fence != l.Fence || time.Now().After(lead.until) {
		return 0, sqlstore.ErrFenced
	}
	n = min(limit, len(m.bag))
	for i := range m.bag[:n] {
		e := &m.bag[i]
		m.mark(marks(e))
		for host, addrs := range m.addrs {
			if addrs[memAddr{e.VRF, e.Addr}] && m.names[host] != nil {
				m.mark([]sqlstore.NameMark{{Name: host, Zone: m.names[host].Zone}})
			}
		}
	}
	m.log = append(m.log, m.bag[:n]...)
	m.bag = slices.Clone(m.bag[n:])
	return n, nil
}

func (m *memStore) TrimLog(_ context.Context, limits sqlstore.LogLimits) (n int, err error) {
	leave, err := m.enter("TrimLog")
	if err != nil {
		return 0, err
	}
	defer leave(&err)
	n = max(len(m.log)-int(limits.Rows), 0)
	m.log = m.log[n:]
	return n, nil
}

func (m *memStore) Backlog(context.Context) (events int64, oldest time.Duration, err error) {
	leave, err := m.enter("Backlog")
	if err != nil {
		return 0, 0, err
	}
	defer leave(&err)
	return int64(len(m.bag)), 0, nil
}

func (m *memStore) Consumer(_ context.Context, n string) (seq int64, err error) {
	leave, err := m.enter("Consumer")
	if err != nil {
		return 0, err
	}
	defer leave(&err)
	seq, ok := m.consumer[n]
	if !ok {
		return 0, sqlstore.ErrNotFound
	}
	return seq, nil
}

func (m *memStore) SetConsumer(_ context.Context, n string, old, seq int64) (err error) {
	leave, err := m.enter("SetConsumer")
	if err != nil {
		return err
	}
	defer leave(&err)
	if at, ok := m.consumer[n]; !ok || at != old {
		return sqlstore.ErrConflict
	}
	m.consumer[n] = seq
	return nil
}

func (m *memStore) NamedLeases(_ context.Context, f sqlstore.Family, after sqlstore.Key, limit int) (live []sqlstore.Event, last sqlstore.Key, done bool, err error) {
	leave, err := m.enter("NamedLeases")
	if err != nil {
		return nil, "", false, err
	}
	defer leave(&err)
	var keys []string
	for a := range m.leases {
		if k := a.addr.String(); m.leases[a].Family == f && k > string(after) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	done = len(keys) <= limit
	for _, k := range keys[:min(limit, len(keys))] {
		last = sqlstore.Key(k)
		l := m.leases[memAddr{0, netip.MustParseAddr(k)}]
		if l.live && l.FQDNFlags&(sqlstore.FQDNForward|sqlstore.FQDNReverse) != 0 {
			live = append(live, eventOf(0, sqlstore.EventAssigned, l))
		}
	}
	return live, last, done, nil
}

func (m *memStore) MarkNames(_ context.Context, marks []sqlstore.NameMark) (err error) {
	leave, err := m.enter("MarkNames")
	if err != nil {
		return err
	}
	defer leave(&err)
	m.mark(marks)
	return nil
}

func (m *memStore) mark(marks []sqlstore.NameMark) {
	for _, k := range marks {
		r := m.names[k.Name]
		if r == nil {
			r = &memName{DNSName: sqlstore.DNSName{Name: k.Name, State: sqlstore.NamePending}}
			m.names[k.Name] = r
		}
		r.Version++
		r.MarkedAt = time.Now()
		if k.Zone != "" {
			r.Zone = k.Zone
		}
		if k.Addr.IsValid() {
			if m.addrs[k.Name] == nil {
				m.addrs[k.Name] = map[memAddr]bool{}
			}
			m.addrs[k.Name][memAddr{k.VRF, k.Addr}] = true
		}
		if r.Holder == "" {
			r.State, r.due = sqlstore.NamePending, time.Now()
		}
	}
}

func (m *memStore) ClaimNames(_ context.Context, holder string, ttl time.Duration, limit int, except []string) (out []sqlstore.DNSName, err error) {
	leave, err := m.enter("ClaimNames")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	now := time.Now()
	var due []*memName
	for _, r := range m.names {
		if !r.due.IsZero() && !r.due.After(now) && !slices.Contains(except, r.Zone) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *memName) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, r := range due[:min(limit, len(due))] {
		r.Claim++
		r.Holder, r.due = holder, now.Add(ttl)
		out = append(out, r.DNSName)
	}
	return out, nil
}

func (m *memStore) NameHolders(_ context.Context, names []string) (out []sqlstore.NameHolder, err error) {
	leave, err := m.enter("NameHolders")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	for _, n := range names {
		for a := range m.addrs[n] {
			h := sqlstore.NameHolder{Name: n, VRF: a.vrf, Addr: a.addr}
			if l := m.leases[a]; l != nil && l.live {
				h = l.NameHolder
				h.Name = n
				if r := m.names[name.Canonical(l.Hostname)]; r != nil {
					h.Forward = r.Published
				}
			}
			out = append(out, h)
		}
	}
	return out, nil
}

// mine returns the row while the claim on it is the one meant.
func (m *memStore) mine(holder, n string, claim int64) *memName {
	r := m.names[n]
	if r == nil || r.Holder != holder || r.Claim != claim {
		return nil
	}
	return r
}

func (m *memStore) AttemptNames(_ context.Context, holder string, ttl time.Duration, attempts []sqlstore.NameAttempt) (lost []string, err error) {
	leave, err := m.enter("AttemptNames")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	for _, a := range attempts {
		r := m.mine(holder, a.Name, a.Claim)
		if r == nil {
			lost = append(lost, a.Name)
			continue
		}
		r.Attempted, r.due = a.Attempted, time.Now().Add(ttl)
	}
	return lost, nil
}

func (m *memStore) FinishNames(_ context.Context, holder string, outcomes []sqlstore.NameOutcome) (lost []string, err error) {
	leave, err := m.enter("FinishNames")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	for _, o := range outcomes {
		m.mark(o.Touch)
		r := m.mine(holder, o.Name, o.Claim)
		if r == nil {
			m.late(o)
			lost = append(lost, o.Name)
			continue
		}
		m.finish(r, o)
	}
	return lost, nil
}

// late takes the outcome of a claim that is lost.
func (m *memStore) late(o sqlstore.NameOutcome) {
	m.mark([]sqlstore.NameMark{{Name: o.Name, Zone: o.Zone}})
	r := m.names[o.Name]
	lines := strings.Split(r.Attempted+"\n"+o.Published, "\n")
	slices.Sort(lines)
	r.Attempted = strings.Join(slices.DeleteFunc(slices.Compact(lines), func(l string) bool { return l == "" }), "\n")
}

func (m *memStore) finish(r *memName, o sqlstore.NameOutcome) {
	marked := r.Version != o.Version
	if !marked {
		for _, s := range o.Stale {
			delete(m.addrs[o.Name], memAddr{s.VRF, s.Addr})
		}
		if o.Delete {
			delete(m.names, o.Name)
			return
		}
	}
	r.Zone, r.State, r.Published, r.Attempted, r.LastError = o.Zone, o.State, o.Published, o.Attempted, o.Error
	r.Attempts++
	if !o.Failed {
		r.Attempts = 0
	}
	r.Holder = ""
	switch {
	case o.State == sqlstore.NameNoZone && !marked:
		r.due = time.Time{}
	case marked:
		r.State, r.due = sqlstore.NamePending, time.Now()
	case o.Retry > 0:
		r.due = time.Now().Add(o.Retry)
	default:
		r.due = time.Time{}
	}
}

func (m *memStore) ReleaseNames(_ context.Context, holder string) (n int, err error) {
	leave, err := m.enter("ReleaseNames")
	if err != nil {
		return 0, err
	}
	defer leave(&err)
	for _, r := range m.names {
		if r.Holder == holder {
			r.Holder, r.due = "", time.Now()
			n++
		}
	}
	return n, nil
}

func (m *memStore) RezoneNames(_ context.Context, after string, limit int, zone func(string) string) (last string, done bool, err error) {
	leave, err := m.enter("RezoneNames")
	if err != nil {
		return "", false, err
	}
	defer leave(&err)
	rows := m.after(after)
	for _, r := range rows[:min(limit, len(rows))] {
		last = r.Name
		if z := zone(r.Name); z != r.Zone {
			m.mark([]sqlstore.NameMark{{Name: r.Name}})
			r.Zone = z
		}
	}
	return last, len(rows) <= limit, nil
}

// after lists the names after one.
func (m *memStore) after(n string) (out []*memName) {
	for _, k := range slices.Sorted(maps.Keys(m.names)) {
		if k > n {
			out = append(out, m.names[k])
		}
	}
	return out
}

func (m *memStore) NameQueue(context.Context) (out []sqlstore.ZoneQueue, err error) {
	leave, err := m.enter("NameQueue")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	byZone := map[string]*sqlstore.ZoneQueue{}
	for _, r := range m.after("") {
		q := byZone[r.Zone]
		if q == nil {
			q = &sqlstore.ZoneQueue{Zone: r.Zone}
			byZone[r.Zone] = q
		}
		switch {
		case r.State == sqlstore.NameConflict:
			q.Conflicts++
		case r.State == sqlstore.NameFailed:
			q.Failed++
		case !r.due.IsZero():
			q.Pending++
			q.Oldest = max(q.Oldest, time.Since(r.MarkedAt))
		}
	}
	for _, z := range slices.Sorted(maps.Keys(byZone)) {
		out = append(out, *byZone[z])
	}
	return out, nil
}

func (m *memStore) DNSNames(_ context.Context, f sqlstore.NameFilter) (out []sqlstore.DNSName, err error) {
	leave, err := m.enter("DNSNames")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	for _, r := range m.after(f.After) {
		if len(out) < f.Limit {
			out = append(out, r.DNSName)
		}
	}
	return out, nil
}
