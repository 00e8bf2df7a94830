package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

func (l *configLoader) loadKeys(ctx context.Context) error {
	var k sqlstore.TSIGKey
	return l.each(ctx, "config_keys", []any{&k.Name, &k.Algorithm, &k.Fingerprint, &k.Comment}, func() error {
		l.cfg.TSIGKeys = append(l.cfg.TSIGKeys, k)
		return nil
	})
}

func (l *configLoader) loadZones(ctx context.Context) error {
	var zone, comment string
	var addr, transport, key pgtype.Text
	var port pgtype.Int4
	return l.each(ctx, "config_zones", []any{&zone, &comment, &addr, &port, &transport, &key}, func() error {
		var server *sqlstore.DNSServer
		if addr.Valid {
			s, err := sqlstore.NewDNSServer(addr.String, int64(port.Int32), transport.String, key.String)
			if err != nil {
				return err
			}
			server = &s
		}
		l.cfg.AddServer(zone, server)
		l.cfg.Zones[len(l.cfg.Zones)-1].Comment = comment
		return nil
	})
}

// dnsSteps writes keys, zones and servers. What refers to a row goes before it
// and comes after it.
func dnsSteps(cfg *sqlstore.Config) []configStep {
	r := dnsRows(cfg)
	k, t := &r.keys, &r.servers
	return []configStep{
		{"config_clear_servers", nil},
		{"config_clear_zones", []any{r.zones}},
		{"config_clear_keys", []any{k.name}},
		{"config_set_keys", []any{k.name, k.algorithm, k.comment}},
		{"config_set_secrets", []any{k.name, k.secret, k.fingerprint}},
		{"config_put_keys", []any{k.name, k.algorithm, k.secret, k.fingerprint, k.comment}},
		{"config_put_zones", []any{r.zones, r.zoneComments}},
		{"config_put_servers", []any{t.zone, t.position, t.addr, t.port, t.transport, t.key}},
	}
}

// dnsArrays are the tables of keys, zones and servers as columns.
type dnsArrays struct {
	keys struct {
		name, algorithm, secret, fingerprint, comment []string
	}
	zones, zoneComments []string
	servers             struct {
		zone      []string
		position  []int32
		addr      []string
		port      []int32
		transport []string
		key       []string
	}
}

func dnsRows(cfg *sqlstore.Config) *dnsArrays {
	r := &dnsArrays{zones: []string{}}
	r.keys.name = []string{}
	for _, k := range cfg.TSIGKeys {
		t := &r.keys
		t.name, t.algorithm = append(t.name, k.Name), append(t.algorithm, k.Algorithm)
		t.secret, t.fingerprint = append(t.secret, k.Secret), append(t.fingerprint, k.Fingerprint)
		t.comment = append(t.comment, k.Comment)
	}
	for _, z := range cfg.Zones {
		r.zones, r.zoneComments = append(r.zones, z.Name), append(r.zoneComments, z.Comment)
		for i, s := range z.Servers {
			t := &r.servers
			t.zone, t.position = append(t.zone, z.Name), append(t.position, int32(i))
			t.addr, t.port = append(t.addr, s.Addr.Addr().String()), append(t.port, int32(s.Addr.Port()))
			t.transport, t.key = append(t.transport, s.Transport), append(t.key, s.Key)
		}
	}
	return r
}
