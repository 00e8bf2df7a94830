package postgres

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// scoped returns the settings that a row belongs to, nil where the scope has
// none.
func (l *configLoader) scoped(scope string, id int32) (*[]sqlstore.OptionData, *sqlstore.Parameters, *sqlstore.Notes) {
	switch scope {
	case "global":
		return &l.cfg.Options, &l.cfg.Parameters, &l.cfg.Notes
	case "link":
		if t := l.links[id]; t != nil {
			return &t.Options, &t.Parameters, &t.Notes
		}
	case "subnet":
		if t := l.subnets[id]; t != nil {
			return &t.Options, &t.Parameters, &t.Notes
		}
	}
	return nil, nil, nil
}

func (l *configLoader) loadOptions(ctx context.Context) error {
	var scope, name, data, comment string
	var id, code int32
	var family int16
	var hex, always bool
	return l.some(ctx, "config_options", []any{&scope, &id, &family, &code, &name, &data, &hex, &always, &comment}, func() error {
		if options, _, _ := l.scoped(scope, id); options != nil {
			*options = append(*options, sqlstore.OptionData{
				Family: sqlstore.Family(family), Code: uint16(code), Name: name, Data: data, Hex: hex, Always: always, Comment: comment,
			})
		}
		return nil
	})
}

func (l *configLoader) loadParameters(ctx context.Context) error {
	var scope, name, value, comment string
	var id int32
	return l.some(ctx, "config_parameters", []any{&scope, &id, &name, &value, &comment}, func() error {
		_, params, notes := l.scoped(scope, id)
		if params == nil {
			return nil
		}
		if *params == nil {
			*params = sqlstore.Parameters{}
		}
		(*params)[name] = value
		if comment == "" {
			return nil
		}
		if *notes == nil {
			*notes = sqlstore.Notes{}
		}
		(*notes)[name] = comment
		return nil
	})
}

// loadVRFs reads what selects address plans; each selector is a row.
func (l *configLoader) loadVRFs(ctx context.Context) error {
	var id int32
	var comment string
	var iface, relay pgtype.Text
	return l.each(ctx, "config_vrfs", []any{&id, &comment, &iface, &relay}, func() error {
		if n := len(l.cfg.VRFs); n == 0 || l.cfg.VRFs[n-1].ID != uint32(id) {
			l.cfg.VRFs = append(l.cfg.VRFs, sqlstore.VRF{ID: uint32(id), Comment: comment})
		}
		v := &l.cfg.VRFs[len(l.cfg.VRFs)-1]
		if iface.Valid {
			v.Interfaces = append(v.Interfaces, iface.String)
		}
		if relay.Valid {
			a, err := netip.ParseAddr(relay.String)
			if err != nil {
				return fmt.Errorf("relay of vrf %d: %w: %w", id, sqlstore.ErrData, err)
			}
			v.Relays = append(v.Relays, a)
		}
		return nil
	})
}
