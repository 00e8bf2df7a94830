package dnsserver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// Zone returns what a zone has beside SOA and NS records, by a zone transfer:
// lines "name TTL type data" in order, names without a final dot.
func (s *Server) Zone(zone string) []string {
	s.t.Helper()
	lines, err := s.transfer(zone)
	require.NoError(s.t, err)
	return lines
}

func (s *Server) transfer(zone string) ([]string, error) {
	conn, err := s.opt.Dial("tcp", s.Addr())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tr := dns.Transfer{Conn: &dns.Conn{Conn: conn}, ReadTimeout: 5 * time.Second}
	envelopes, err := tr.In(new(dns.Msg).SetAxfr(dns.Fqdn(zone)), s.Addr())
	if err != nil {
		return nil, fmt.Errorf("transfer zone %s: %w", zone, err)
	}
	var lines []string
	for e := range envelopes {
		if e.Error != nil {
			return nil, fmt.Errorf("transfer zone %s: %w", zone, e.Error)
		}
		for _, rr := range e.RR {
			if t := rr.Header().Rrtype; t != dns.TypeSOA && t != dns.TypeNS {
				lines = append(lines, line(rr))
			}
		}
	}
	slices.Sort(lines)
	return lines, nil
}

func line(rr dns.RR) string {
	h := rr.Header()
	data := strings.TrimPrefix(rr.String(), h.String())
	if h.Rrtype == dns.TypePTR {
		data = strings.TrimSuffix(data, ".")
	}
	return fmt.Sprintf("%s %d %s %s", strings.ToLower(strings.TrimSuffix(h.Name, ".")), h.Ttl, dns.TypeToString[h.Rrtype], data)
}

// Edit changes a zone by hand, so to speak: by an update with the server's key.
// Lines to add are those of a zone file; those to delete may be "name" alone,
// for all records of a name.
func (s *Server) Edit(zone string, remove, add []string) {
	s.t.Helper()
	m := new(dns.Msg).SetUpdate(dns.Fqdn(zone))
	for _, l := range remove {
		if !strings.Contains(l, " ") {
			m.RemoveName([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: dns.Fqdn(l)}}})
			continue
		}
		rr, err := dns.NewRR(l)
		require.NoError(s.t, err)
		m.Remove([]dns.RR{rr})
	}
	for _, l := range add {
		rr, err := dns.NewRR(l)
		require.NoError(s.t, err)
		m.Insert([]dns.RR{rr})
	}
	conn, err := s.opt.Dial("tcp", s.Addr())
	require.NoError(s.t, err)
	defer conn.Close()
	m.SetTsig(dns.Fqdn(Key), dns.Fqdn(Algorithm), 300, time.Now().Unix())
	c := dns.Client{Net: "tcp", TsigSecret: map[string]string{dns.Fqdn(Key): Secret}}
	r, _, err := c.ExchangeWithConn(m, &dns.Conn{Conn: conn})
	require.NoError(s.t, err)
	require.Equal(s.t, dns.RcodeSuccess, r.Rcode, dns.RcodeToString[r.Rcode])
}
