package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

// flags are the command line as written.
type flags struct {
	servers, more, relays []string
	family                int
	na, pd, spread        bool
	clients, first        int
	seed                  uint64
	clientIDs             bool

	returning, renew, rebind, release bool
	leases                            string

	rate        float64
	ramp        string
	saturate    int
	outstanding int
	duration    time.Duration
	repeat      bool

	timeout, maxTimeout time.Duration
	tries, restarts     int

	record     string
	noCheck    bool
	json       bool
	quiet      bool
	maxLoss    string
	serverPIDs []int
}

func (f *flags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringSliceVar(&f.servers, "server", nil, "server `ADDR:PORT`; several: every packet goes to all of them")
	fs.StringSliceVar(&f.more, "servers", nil, "the same as --server")
	fs.BoolVar(&f.spread, "spread", false, "send each packet to one of the servers, taking turns")
	fs.StringSliceVar(&f.relays, "relay", nil, "relay `ADDR[=NAME]`; NAME begins the circuit-id (DHCPv4) or is the interface-id (DHCPv6)")
	fs.IntVar(&f.family, "family", 4, "4 or 6")
	fs.BoolVar(&f.na, "na", true, "DHCPv6: ask for an address")
	fs.BoolVar(&f.pd, "pd", false, "DHCPv6: ask for a prefix")
	fs.IntVarP(&f.clients, "clients", "n", 1000, "how many clients")
	fs.IntVar(&f.first, "first", 0, "number of the first client")
	fs.Uint64Var(&f.seed, "seed", 1, "makes the identities: same seed and number, same client")
	fs.BoolVar(&f.clientIDs, "client-id", false, "DHCPv4: send a client identifier (RFC 4361)")

	fs.BoolVar(&f.returning, "returning", false, "clients that are known come back and ask for their address")
	fs.BoolVar(&f.renew, "renew", false, "clients renew")
	fs.BoolVar(&f.rebind, "rebind", false, "clients rebind")
	fs.BoolVar(&f.release, "release", false, "clients release")
	fs.StringVar(&f.leases, "leases", "", "record `FILE` with what clients hold; without it they get leases first")

	fs.Float64Var(&f.rate, "rate", 0, "begin so many exchanges a second (default 1000)")
	fs.StringVar(&f.ramp, "ramp", "", "rates and time `FROM:TO:TIME`, like 100:5000:30s")
	fs.IntVar(&f.saturate, "saturate", 0, "keep so many exchanges under way, as fast as they come")
	fs.IntVar(&f.outstanding, "outstanding", 0, "most exchanges under way with --rate and --ramp (default 65536)")
	fs.DurationVar(&f.duration, "duration", 0, "begin no exchange after this time (default: when all clients had one)")
	fs.BoolVar(&f.repeat, "repeat", false, "begin again with the first client until --duration is over")

	fs.DurationVar(&f.timeout, "timeout", time.Second, "wait before the first retransmission; doubles with each")
	fs.DurationVar(&f.maxTimeout, "max-timeout", 16*time.Second, "longest wait for an answer")
	fs.IntVar(&f.tries, "tries", 3, "how often a message is sent in all")
	fs.IntVar(&f.restarts, "restarts", 2, "how often a refused client begins again")

	fs.StringVar(&f.record, "record", "", "write every OFFER, ACK, NAK and RELEASE to `FILE`")
	fs.BoolVar(&f.noCheck, "no-check", false, "do not keep the answers in memory to check them")
	fs.BoolVar(&f.json, "json", false, "print the result as JSON")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	fs.StringVar(&f.maxLoss, "max-loss", "0%", "share of exchanges that may fail")
	fs.IntSliceVar(&f.serverPIDs, "server-pid", nil, "report the processor time of these processes and all below them")
}

// options returns what a run needs. Every error is one of usage.
func (f *flags) options() (load.Options, error) {
	o := load.Options{
		Family: sqlstore.Family(f.family), Spread: f.spread,
		Clients: f.clients, First: f.first, Seed: f.seed, ClientIDs: f.clientIDs,
		NA: f.na, PD: f.pd, Outstanding: f.outstanding, Duration: f.duration, Repeat: f.repeat,
		Timeout: f.timeout, MaxTimeout: f.maxTimeout, Tries: f.tries, Restarts: f.restarts,
	}
	if f.restarts == 0 {
		o.Restarts = -1
	}
	if f.family != 4 && f.family != 6 {
		return o, fmt.Errorf("--family %d: must be 4 or 6", f.family)
	}
	if f.family == 6 && !f.na && !f.pd {
		return o, errors.New("--na=false needs --pd")
	}
	var err error
	if o.Scenario, err = f.scenario(); err != nil {
		return o, err
	}
	if err := f.addresses(&o); err != nil {
		return o, err
	}
	if err := f.pace(&o); err != nil {
		return o, err
	}
	return o, o.Validate()
}

func (f *flags) scenario() (load.Scenario, error) {
	s, n := load.New, 0
	for i, set := range []bool{f.returning, f.renew, f.rebind, f.release} {
		if set {
			s = []load.Scenario{load.Returning, load.Renew, load.Rebind, load.Release}[i]
			n++
		}
	}
	if n > 1 {
		return s, errors.New("only one of --returning, --renew, --rebind, --release can be done")
	}
	return s, nil
}

func (f *flags) addresses(o *load.Options) error {
	for _, s := range slices.Concat(f.servers, f.more) {
		a, err := netip.ParseAddrPort(s)
		if err != nil {
			return fmt.Errorf("--server %s: not an address and port", s)
		}
		o.Servers = append(o.Servers, a)
	}
	for _, s := range f.relays {
		addr, name, named := strings.Cut(s, "=")
		a, err := netip.ParseAddr(addr)
		if err != nil {
			return fmt.Errorf("--relay %s: not an address", s)
		}
		if !named && f.family == 4 {
			name = "port-"
		}
		o.Relays = append(o.Relays, load.Relay{Addr: a, CircuitPrefix: name, InterfaceID: name})
	}
	if len(o.Servers) == 0 || len(o.Relays) == 0 {
		return errors.New("--server and --relay are needed")
	}
	return nil
}

func (f *flags) pace(o *load.Options) error {
	set := 0
	for _, is := range []bool{f.rate != 0, f.ramp != "", f.saturate != 0} {
		if is {
			set++
		}
	}
	if set > 1 {
		return errors.New("only one of --rate, --ramp, --saturate can be given")
	}
	switch {
	case f.saturate != 0:
		o.Mode, o.Outstanding = load.Saturate, f.saturate
	case f.ramp != "":
		return parseRamp(f.ramp, o)
	case set == 0:
		o.Rate = 1000
	default:
		o.Rate = f.rate
	}
	return nil
}

func parseRamp(s string, o *load.Options) error {
	bad := fmt.Errorf("--ramp %s: must be FROM:TO:TIME, like 100:5000:30s", s)
	p := strings.Split(s, ":")
	if len(p) != 3 {
		return bad
	}
	var errs [3]error
	o.Mode = load.Ramp
	o.Rate, errs[0] = strconv.ParseFloat(p[0], 64)
	o.RampTo, errs[1] = strconv.ParseFloat(p[1], 64)
	o.RampTime, errs[2] = time.ParseDuration(p[2])
	if errors.Join(errs[:]...) != nil {
		return bad
	}
	return nil
}

// parseShare reads a share: 1% or 0.01.
func parseShare(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, fmt.Errorf("--max-loss %s: must be 0%% to 100%%", s)
	}
	return v, nil
}
