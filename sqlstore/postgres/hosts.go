package postgres

import (
	"context"
	"net"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// hosts remembers which of several servers took the last connection, so that
// after a failover new connections do not wait for the one that is gone. It is
// safe for concurrent use.
type hosts struct {
	mu   sync.Mutex
	last server
}

// server is one by the name that the URL gives it.
type server struct {
	host string
	port uint16
}

func (h *hosts) get() server {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

func (h *hosts) set(p server) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = p
}

// order puts the server that answered last first in the configuration of a
// connection that is about to be made, and learns which one answers.
func (h *hosts) order(cfg *pgx.ConnConfig) {
	if len(cfg.Fallbacks) == 0 {
		return
	}
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	last := h.get()
	slices.SortStableFunc(all, func(a, b *pgconn.FallbackConfig) int {
		return rank(a, last) - rank(b, last)
	})
	cfg.Host, cfg.Port, cfg.TLSConfig, cfg.Fallbacks = all[0].Host, all[0].Port, all[0].TLSConfig, all[1:]
	h.learn(cfg, all)
}

func rank(c *pgconn.FallbackConfig, last server) int {
	if (server{c.Host, c.Port}) == last {
		return 0
	}
	return 1
}

// learn notes to which server each address that is dialled belongs.
func (h *hosts) learn(cfg *pgx.ConnConfig, all []*pgconn.FallbackConfig) {
	var mu sync.Mutex
	of := map[string]server{} // by dialled address
	note := func(host, ip string) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range all {
			if c.Host == host {
				_, addr := pgconn.NetworkAddress(ip, c.Port)
				of[addr] = server{c.Host, c.Port}
			}
		}
	}
	for _, c := range all {
		note(c.Host, c.Host) // unix sockets are not looked up
	}
	lookup, dial, after := cfg.LookupFunc, cfg.DialFunc, cfg.AfterConnect
	cfg.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		ips, err := lookup(ctx, host)
		for _, ip := range ips {
			note(host, ip)
		}
		return ips, err
	}
	var dialled string
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		dialled = addr
		mu.Unlock()
		return dial(ctx, network, addr)
	}
	cfg.AfterConnect = func(ctx context.Context, c *pgconn.PgConn) error {
		mu.Lock()
		h.set(of[dialled])
		mu.Unlock()
		if after != nil {
			return after(ctx, c)
		}
		return nil
	}
}
