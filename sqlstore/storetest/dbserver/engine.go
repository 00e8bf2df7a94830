package dbserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// User is the administrator of every server; it has no password.
const User = "rowlock"

// expand puts the server's folder for "@".
func (s *Server) expand(arg string) string {
	return strings.ReplaceAll(arg, "=@", "="+s.inside)
}

// postgres is the newest PostgreSQL that is installed.
func postgres() (engine, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(dirs)
	if len(dirs) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return engine{}, errors.New("PostgreSQL is not installed")
		}
		dirs = []string{filepath.Dir(path)}
	}
	bin := dirs[len(dirs)-1]
	return engine{
		uid: "postgres", stop: syscall.SIGINT, crash: syscall.SIGQUIT,
		init: func(s *Server) []string {
			return []string{filepath.Join(bin, "initdb"), "-D", s.inside + "/data", "-U", User, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"}
		},
		serve: func(s *Server) []string {
			return []string{
				filepath.Join(bin, "postgres"), "-D", s.inside + "/data", "-k", s.inside, "-c", "listen_addresses=127.0.0.1",
				"-c", "port=" + strconv.Itoa(s.Port), "-c", "shared_buffers=64MB", "-c", "max_connections=200",
			}
		},
		socket: func(dir string) string { return dir },
		ask: func(s *Server) error {
			return exec.Command(filepath.Join(bin, "pg_isready"), "-q", "-h", s.dir, "-p", strconv.Itoa(s.Port), "-U", User, "-d", "postgres").Run()
		},
	}, nil
}

// cloneArgs copies a PostgreSQL server into the folder of one that will follow
// it as its standby.
func cloneArgs(s, of *Server) []string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_basebackup")
	slices.Sort(dirs)
	return []string{
		append([]string{"pg_basebackup"}, dirs...)[len(dirs)], "-D", s.inside + "/data", "-R", "-c", "fast", "-X", "stream",
		"-h", of.dir, "-p", strconv.Itoa(of.Port), "-U", User,
	}
}

// mysqlArgs are those that both kinds of MySQL take. A tmpdir of its own,
// because a server deletes the temporary tables in it when it starts, those of
// another server too.
func mysqlArgs(s *Server) []string {
	return []string{
		"--datadir=" + s.inside + "/data", "--tmpdir=" + s.inside, "--socket=" + s.inside + "/sock", "--pid-file=" + s.inside + "/pid",
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.Port), "--max-connections=200",
		"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--init-file=" + s.inside + "/init.sql",
	}
}

// writeInit makes the administrator: root may come by socket only.
func writeInit(s *Server) {
	s.write("init.sql", fmt.Sprintf(`CREATE USER IF NOT EXISTS '%[1]s'@'localhost';
GRANT ALL ON *.* TO '%[1]s'@'localhost' WITH GRANT OPTION;
`, User))
}

// mariadb is the MariaDB that is installed.
func mariadb() (engine, error) {
	var program string
	for _, path := range []string{"/usr/sbin/mariadbd", "/usr/libexec/mariadbd"} {
		if _, err := os.Stat(path); err == nil {
			program = path
		}
	}
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil || program == "" {
		return engine{}, errors.New("MariaDB is not installed")
	}
	return engine{
		uid: "mysql", stop: syscall.SIGTERM, ask: greeted,
		init: func(s *Server) []string {
			writeInit(s)
			return []string{install, "--no-defaults", "--datadir=" + s.inside + "/data", "--auth-root-authentication-method=normal", "--skip-test-db"}
		},
		serve: func(s *Server) []string {
			return append(append([]string{program, "--no-defaults"}, mysqlArgs(s)...), "--skip-log-bin")
		},
		socket: func(dir string) string { return filepath.Join(dir, "sock") },
	}, nil
}

// mysql is the MySQL that .ci/mysql unpacks.
func mysql() (engine, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return engine{}, err
	}
	root := filepath.Join(cache, "rowlock", "mysql-sid")
	const program = "/usr/sbin/mysqld"
	if _, err := os.Stat(root + program); err != nil {
		return engine{}, errors.New("MySQL is not there: run .ci/mysql --prepare")
	}
	return engine{
		root: root, stop: syscall.SIGTERM, ask: greeted,
		init: func(s *Server) []string {
			writeInit(s)
			return []string{program, "--no-defaults", "--initialize-insecure", "--datadir=" + s.inside + "/data"}
		},
		serve: func(s *Server) []string {
			return append(append([]string{program, "--no-defaults"}, mysqlArgs(s)...), "--mysqlx=OFF", "--disable-log-bin", "--secure-file-priv=")
		},
		socket: func(dir string) string { return filepath.Join(dir, "sock") },
	}, nil
}

// URL returns the URL of a database on the server as its administrator, by the
// unix socket.
func (s *Server) URL(database string) string {
	if s.Dialect == "postgres" {
		return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%d", User, database, s.dir, s.Port)
	}
	return fmt.Sprintf("%s://%s@localhost/%s?socket=%s", s.Dialect, User, database, s.Socket)
}
