package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Server is made of.
type Config struct {
	Store   Store
	Names   NameStore // nil where names in DNS are not kept
	Logger  *slog.Logger
	Metrics prometheus.Registerer
	Version string // of the program, for the console

	// Listen is where Start listens: address and port.
	Listen string
	// TLSCert and TLSKey name PEM files; both or none. They are read again when
	// they change.
	TLSCert, TLSKey string
	// Insecure allows an address that others can reach without TLS: where a
	// proxy in front of it has TLS.
	Insecure bool
	// StateDir is where the first token is written; "" makes none.
	StateDir string
}

// Validate reports what is missing or wrong.
func (c *Config) Validate() error {
	if c.Store == nil || c.Logger == nil || c.Metrics == nil {
		return errors.New("admin: store, logger and metrics are required")
	}
	return CheckListen(c.Listen, c.TLSCert, c.TLSKey, c.Insecure)
}

// CheckListen refuses an address that is none, and one that would carry tokens
// in the clear where others can read them.
func CheckListen(listen, cert, key string, insecure bool) error {
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return fmt.Errorf("%q is neither an address with port nor off", listen)
	}
	if (cert == "") != (key == "") {
		return errors.New("tls_cert and tls_key belong together")
	}
	if cert == "" && !insecure && !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s can be reached from elsewhere and would carry tokens unencrypted: set admin.tls_cert and admin.tls_key, or admin.insecure where a proxy has TLS", listen)
	}
	return nil
}

// Server serves the API and the console.
type Server struct {
	cfg     Config
	log     *slog.Logger
	store   Store
	names   NameStore
	metrics *metrics
	mux     *http.ServeMux
	openapi *huma.OpenAPI
	schema  []byte // openapi as served
	slots   chan struct{}
	// applying has who reads and applies a document: one at a time.
	applying  chan struct{}
	limiter   *limiter
	origin    *http.CrossOriginProtection
	network   *networkCache
	revisions *revisionCache
	usage     *cache[usageCounts]
	newest    *cache[[]leaseRow]
	queue     *cache[[]zoneQueue]
	members   *cache[[]member]
	rates     *sampler
	console   *console

	listener net.Listener
	http     *http.Server
	stop     func()        // ends what runs in the background
	done     chan struct{} // closed when it has ended
}

// How old at most the parts of an answer are that are expensive to find out.
const (
	usageAge  = 15 * time.Second // reads the lease tables
	newestAge = 15 * time.Second // likewise
	queueAge  = 3 * time.Second
	memberAge = time.Second
)

// New makes a server that does not listen yet. It is safe for concurrent use.
func New(c Config) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: c, log: c.Logger, store: c.Store, names: c.Names, mux: http.NewServeMux(),
		slots: make(chan struct{}, maxRequests), applying: make(chan struct{}, 1), limiter: newLimiter(), origin: http.NewCrossOriginProtection(),
		network: &networkCache{store: c.Store},
	}
	s.revisions = &revisionCache{s: s}
	s.usage = newCache(usageAge, s.countUsage)
	s.newest = newCache(newestAge, s.newestLeases)
	s.queue = newCache(queueAge, s.zoneQueues)
	s.members = newCache(memberAge, s.readMembers)
	s.rates = newSampler(s.members.get)
	var err error
	if s.metrics, err = newMetrics(c.Metrics); err != nil {
		return nil, err
	}
	if err := s.buildAPI(); err != nil {
		return nil, err
	}
	if s.console, err = newConsole(s); err != nil {
		return nil, err
	}
	return s, nil
}
