package dbserver

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"
)

// StartPooler starts PgBouncer in transaction mode before a PostgreSQL server
// and returns the URL of one of its databases through it, and its process.
func StartPooler(t testing.TB, s *Server, database string) (url string, p *Server) {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		missing(t, "postgres", err)
	}
	e := engine{
		uid:    s.engine.uid,
		stop:   s.engine.stop,
		serve:  func(p *Server) []string { return []string{program, p.inside + "/ini"} },
		socket: func(dir string) string { return dir },
		ask: func(p *Server) error {
			c, err := net.DialTimeout("tcp", p.Addr(), time.Second)
			if err != nil {
				return err
			}
			return c.Close()
		},
	}
	p = &Server{Dialect: "pgbouncer", t: t, engine: e, Port: freePort(t)}
	p.folder(0)
	p.write("ini", fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = 8
`, s.dir, s.Port, User, p.Port))
	t.Cleanup(p.remove)
	p.Run()
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&pooler=true", User, p.Addr(), database), p
}
