package ddns

import (
	"fmt"
	"net"

	"github.com/miekg/dns"
)

// update is one message: what several steps ask of names of a zone.
type update struct {
	zone  string
	names []string
	steps []step // parallel to names
}

// build makes the message of RFC 2136 sections 2.4 and 2.5.
func build(srv server, u update) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetUpdate(dns.Fqdn(u.zone))
	m.Compress = true
	for i, s := range u.steps {
		if err := addStep(m, dns.Fqdn(u.names[i]), s); err != nil {
			return nil, fmt.Errorf("build update of %s: %w", u.names[i], err)
		}
	}
	size := m.Len()
	if srv.key != "" {
		size += len(srv.key) + len(srv.algorithm) + 128
	}
	if size > dns.MaxMsgSize {
		return nil, fmt.Errorf("%d bytes are too many for a message", size)
	}
	return m, nil
}

func addStep(m *dns.Msg, n string, s step) error {
	for _, p := range s.prereqs {
		switch p.kind {
		case nameFree:
			m.Answer = append(m.Answer, bare(n, dns.TypeANY, dns.ClassNONE))
		case rrsetGone:
			m.Answer = append(m.Answer, bare(n, dns.StringToType[p.typ], dns.ClassNONE))
		case rrsetIs:
			for _, r := range p.recs {
				rr, err := resource(n, r, dns.ClassINET, 0)
				if err != nil {
					return err
				}
				m.Answer = append(m.Answer, rr)
			}
		}
	}
	for _, c := range s.changes {
		var rr dns.RR
		var err error
		switch c.kind {
		case addRecord:
			rr, err = resource(n, c.rec, dns.ClassINET, c.rec.ttl)
		case deleteRecord:
			rr, err = resource(n, c.rec, dns.ClassNONE, 0)
		case deleteRRset:
			rr = bare(n, dns.StringToType[c.rec.typ], dns.ClassANY)
		}
		if err != nil {
			return err
		}
		m.Ns = append(m.Ns, rr)
	}
	return nil
}

// bare is a record without data.
func bare(n string, typ, class uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: n, Rrtype: typ, Class: class}}
}

func resource(n string, r record, class uint16, ttl uint32) (dns.RR, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	h := dns.RR_Header{Name: n, Rrtype: dns.StringToType[r.typ], Class: class, Ttl: ttl}
	switch r.typ {
	case typeA:
		return &dns.A{Hdr: h, A: net.ParseIP(r.data)}, nil
	case typeAAAA:
		return &dns.AAAA{Hdr: h, AAAA: net.ParseIP(r.data)}, nil
	case typeDHCID:
		return &dns.DHCID{Hdr: h, Digest: r.data}, nil
	default:
		return &dns.PTR{Hdr: h, Ptr: dns.Fqdn(r.data)}, nil
	}
}
