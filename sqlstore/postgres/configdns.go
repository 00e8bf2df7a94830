package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

func (l *configLoader) loadKeys(ctx context.Context) error {
	var k sqlstore.TSIGKey
	return l.each(ctx, "config_keys", []any{&k.Name, &k.Algorithm, &k.Fingerprint}, func() error {
		l.cfg.TSIGKeys = append(l.cfg.TSIGKeys, k)
		return nil
	})
}

func (l *configLoader) loadZones(ctx context.Context) error {
	var zone string
	var addr, transport, key pgtype.Text
	var port pgtype.Int4
	return l.each(ctx, "config_zones", []any{&zone, &addr, &port, &transport, &key}, func() error {
		if !addr.Valid {
			l.cfg.AddServer(zone, nil)
			return nil
		}
		s, err := sqlstore.NewDNSServer(addr.String, int64(port.Int32), transport.String, key.String)
		if err != nil {
			return err
		}
		l.cfg.AddServer(zone, &s)
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
		{"config_set_keys", []any{k.name, k.algorithm}},
		{"config_set_secrets", []any{k.name, k.secret, k.fingerprint}},
		{"config_put_keys", []any{k.name, k.algorithm, k.secret, k.fingerprint}},
		{"config_put_zones", []any{r.zones}},
		{"config_put_servers", []any{t.zone, t.position, t.addr, t.port, t.transport, t.key}},
	}
}

// putConsumer keeps the row of the zones' keeper among the consumers.
func (s *Store) putConsumer(ctx context.Context, tx pgx.Tx) error {
	for _, query := range []string{"config_put_consumer", "config_clear_consumer"} {
		if err := s.run(ctx, tx, query); err != nil {
			return err
		}
	}
	return nil
}

// dnsArrays are the tables of keys, zones and servers as columns.
type dnsArrays struct {
	keys struct {
		name, algorithm, secret, fingerprint []string
	}
	zones   []string
	servers struct {
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
	}
	for _, z := range cfg.Zones {
		r.zones = append(r.zones, z.Name)
		for i, s := range z.Servers {
			t := &r.servers
			t.zone, t.position = append(t.zone, z.Name), append(t.position, int32(i))
			t.addr, t.port = append(t.addr, s.Addr.Addr().String()), append(t.port, int32(s.Addr.Port()))
			t.transport, t.key = append(t.transport, s.Transport), append(t.key, s.Key)
		}
	}
	return r
}
