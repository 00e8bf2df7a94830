package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/dialects"
)

// testProgram has the given environment and nothing else.
func testProgram(env map[string]string) *program {
	return &program{getenv: func(name string) string { return env[name] }, uid: 1000}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rowlock.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestConfigDefaults(t *testing.T) {
	c, err := testProgram(map[string]string{"HOME": "/home/anna", "ROWLOCK_CONFIG": writeFile(t, "frontend_id: fe1\n")}).loadConfig()
	require.NoError(t, err)
	require.Equal(t, allRoles, c.Roles)
	require.Equal(t, "127.0.0.1:9867", c.Listen.Health)
	require.Equal(t, "127.0.0.1:9868", c.Listen.Admin)
	require.Equal(t, logConfig{Level: "info", Format: "text"}, c.Log)
	dsn, err := c.databaseURL()
	require.NoError(t, err)
	require.Equal(t, "sqlite:/home/anna/.local/state/rowlock/rowlock.db", dsn)
}

// A process file that says nothing leaves every default.
func TestConfigEmptyFileMeansDefaults(t *testing.T) {
	env := map[string]string{"HOME": "/home/anna", "ROWLOCK_FRONTEND_ID": "fe1", "ROWLOCK_CONFIG": writeFile(t, "{}\n")}
	want, err := testProgram(env).loadConfig()
	require.NoError(t, err)
	require.Equal(t, allRoles, want.Roles)
	for _, text := range []string{"", "\n", "# nothing yet\n", "---\n", "roles:\nlisten:\nlog:\n"} {
		env["ROWLOCK_CONFIG"] = writeFile(t, text)
		c, err := testProgram(env).loadConfig()
		require.NoError(t, err, "%q", text)
		require.Equal(t, want, c, "%q", text)
	}
}

// A key given in a part leaves the defaults of the other keys of that part.
func TestConfigKeepsDefaultsBesideGivenKeys(t *testing.T) {
	name := writeFile(t, "log: {level: debug}\nlisten: {dhcp4: [{address: 192.0.2.1, port: 0}, {interface: eth1}]}\nstate_dir: /srv\nfrontend_id: fe1\n")
	c, err := testProgram(map[string]string{"ROWLOCK_CONFIG": name}).loadConfig()
	require.NoError(t, err)
	require.Equal(t, logConfig{Level: "debug", Format: "text"}, c.Log)
	require.Equal(t, "127.0.0.1:9867", c.Listen.Health)
	require.Equal(t, uint16(0), c.Listen.DHCP4[0].port(67))
	require.Equal(t, uint16(67), c.Listen.DHCP4[1].port(67))
}

func TestStateDir(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		uid  int
		want string
	}{
		{map[string]string{"HOME": "/home/anna"}, 1000, "/home/anna/.local/state/rowlock"},
		{map[string]string{"HOME": "/home/anna", "XDG_STATE_HOME": "/xdg"}, 1000, "/xdg/rowlock"},
		{map[string]string{"HOME": "/home/anna", "XDG_STATE_HOME": "relative"}, 1000, "/home/anna/.local/state/rowlock"},
		{map[string]string{"HOME": "/root", "XDG_STATE_HOME": "/xdg"}, 0, "/var/lib/rowlock"},
		{map[string]string{"STATE_DIRECTORY": "/var/lib/unit"}, 999, "/var/lib/unit"},
	} {
		p := testProgram(tc.env)
		p.uid = tc.uid
		require.Equal(t, tc.want, p.defaultStateDir())
	}
}

func TestConfigPrecedence(t *testing.T) {
	name := writeFile(t, "database: sqlite:/file.db\nlog: {level: warn}\nroles: [dhcp4]\nstate_dir: /srv\nfrontend_id: file\n")
	env := map[string]string{"ROWLOCK_CONFIG": name}
	p := testProgram(env)
	c, err := p.loadConfig()
	require.NoError(t, err)
	require.Equal(t, "sqlite:/file.db", c.Database)
	env["ROWLOCK_DATABASE"], env["ROWLOCK_LOG_LEVEL"], env["ROWLOCK_ROLES"] = "sqlite:/env.db", "error", "dhcp6,dhcp4"
	env["ROWLOCK_FRONTEND_ID"] = "env"
	c, err = p.loadConfig()
	require.NoError(t, err)
	require.Equal(t, "sqlite:/env.db", c.Database)
	require.Equal(t, "error", c.Log.Level)
	require.Equal(t, []string{"dhcp6", "dhcp4"}, c.Roles)
	require.Equal(t, "env", c.FrontendID)
	p.database = "sqlite:/flag.db"
	c, err = p.loadConfig()
	require.NoError(t, err)
	require.Equal(t, "sqlite:/flag.db", c.Database)
	require.Equal(t, []string{"dhcp4", "dhcp6", "ddns", "admin"}, allRoles, "the list of roles is not written to")
}

func TestConfigMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"roles: [dhcp4, dns]":                                  `config: roles: "dns" is unknown or named twice (known: dhcp4, dhcp6, ddns, admin)`,
		"roles: [dhcp4, dhcp4]":                                `config: roles: "dhcp4" is unknown or named twice (known: dhcp4, dhcp6, ddns, admin)`,
		"roles: []":                                            "config: roles: none given (known: dhcp4, dhcp6, ddns, admin)",
		"state_dir: here":                                      `config: state_dir: "here" is not an absolute path`,
		"database_connections: -1":                             "config: database_connections: -1 is negative",
		"database_give_up: -1s":                                "config: database_give_up: -1s is negative",
		"listen: {health: 9867}":                               `config: listen.health: "9867" is neither an address with port nor off`,
		"listen: {admin: 9868}":                                `config: listen.admin: "9868" is neither an address with port nor off`,
		"listen: {admin: \"0.0.0.0:9868\"}":                    "config: listen.admin: 0.0.0.0:9868 can be reached from elsewhere and would carry tokens unencrypted: set admin.tls_cert and admin.tls_key, or admin.insecure where a proxy has TLS",
		"admin: {tls_key: /srv/key.pem}":                       "config: listen.admin: tls_cert and tls_key belong together",
		"listen: {dhcp4: [{}]}":                                "config: listen.dhcp4[0]: needs either address or interface",
		"listen: {dhcp4: [{address: \"2001:db8::\"}]}":         `config: listen.dhcp4[0]: "2001:db8::" is not an address of this protocol`,
		"listen: {dhcp6: [{interface: a, address: b}]}":        "config: listen.dhcp6[0]: needs either address or interface",
		"listen: {dhcp6: [{interface: a, port: 0}]}":           "config: listen.dhcp6[0]: port: an interface needs a port that clients know",
		"listen: {dhcp4: [{address: 192.0.2.1, port: 99999}]}": "FILE:1:45: port: 99999 is not a port number",
		"listen: {dhcp4: [{address: 192.0.2.1, port: -1}]}":    "FILE:1:45: port: -1 is not a port number",
		"database_connections: many":                           `FILE:1:23: "many" is not a number that fits here`,
		"log: {level: loud}":                                   `config: log.level: "loud" is not debug, info, warn or error`,
		"log: {format: xml}":                                   `config: log.format: "xml" is neither text nor json`,
		"database_password_file: /nowhere/password":            "read database_password_file: open /nowhere/password: no such file or directory",
	} {
		if text != "state_dir: here" {
			text += "\nstate_dir: /srv"
		}
		name := writeFile(t, text+"\nfrontend_id: fe1\n")
		_, err := testProgram(map[string]string{"ROWLOCK_CONFIG": name}).loadConfig()
		require.EqualError(t, err, strings.Replace(want, "FILE", name, 1), text)
	}
}

func TestDatabasePassword(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte("p@ss/w&rd\r\nmore\n"), 0o600))
	for database, want := range map[string]string{
		"postgres://rowlock@db.example.org/rowlock":                   "postgres://rowlock:p%40ss%2Fw&rd@db.example.org/rowlock",
		"postgres:///rowlock?host=/run/postgresql&application_name=a": "postgres:///rowlock?application_name=a&host=%2Frun%2Fpostgresql&password=p%40ss%2Fw%26rd",
		"sqlite:/srv/rowlock.db":                                      "sqlite:/srv/rowlock.db",
	} {
		name := writeFile(t, "state_dir: /srv\nfrontend_id: fe1\ndatabase: "+database+"\ndatabase_password_file: "+secret+"\n")
		c, err := testProgram(map[string]string{"ROWLOCK_CONFIG": name}).loadConfig()
		require.NoError(t, err)
		dsn, err := c.databaseURL()
		require.NoError(t, err)
		require.Equal(t, want, dsn)
		require.NotContains(t, redact(dsn), "ss")
	}
	env := map[string]string{
		"ROWLOCK_CONFIG":            writeFile(t, "state_dir: /srv\nfrontend_id: fe1\ndatabase: postgres://a@192.0.2.1/b\ndatabase_password_file: "+secret),
		"ROWLOCK_DATABASE_PASSWORD": "other",
	}
	c, err := testProgram(env).loadConfig()
	require.NoError(t, err)
	require.Equal(t, "other", c.password)
	require.NoError(t, os.WriteFile(secret, []byte("\nsecond line"), 0o600))
	delete(env, "ROWLOCK_DATABASE_PASSWORD")
	_, err = testProgram(env).loadConfig()
	require.ErrorContains(t, err, "its first line is empty")
}

func TestRedact(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://a:geheim@192.0.2.1/b":                           "postgres://a@192.0.2.1/b",
		"postgres://192.0.2.1/b?password=geheim&sslpassword=geheim": "postgres://192.0.2.1/b",
		"postgres://a:geh%zzeim@192.0.2.1/b":                        "postgres:(unreadable URL)",
		"sqlite:/srv/rowlock.db":                                    "sqlite:/srv/rowlock.db",
	} {
		require.Equal(t, want, redact(dsn))
		if want != dsn {
			require.Error(t, checkURL(dsn), dsn)
		}
	}
	for _, dsn := range []string{"", "sqlite:/srv/rowlock.db", "/srv/rowlock.db", "postgres://a@192.0.2.1,[2001:db8::1]:5433/b?sslmode=disable"} {
		require.NoError(t, checkURL(dsn))
	}
}

// The sample process file is one that the program reads.
func TestSampleProcessFile(t *testing.T) {
	data, err := os.ReadFile("../../admin/deploy/rowlock.yaml")
	require.NoError(t, err)
	var c processConfig
	require.NoError(t, parseConfig("rowlock.yaml", data, &c))
	c.DatabasePasswordFile = ""
	require.NoError(t, c.validate())
	require.Len(t, c.Listen.DHCP4, 2)
}

// Every URL that the default and the documents use is one that a dialect knows.
func TestDatabaseSchemes(t *testing.T) {
	_, err := dialects.Open(t.Context(), "oracle://192.0.2.1/", dialects.Options{})
	require.ErrorIs(t, err, dialects.ErrScheme)
}

// The manual names every key of the process file and every variable.
func TestManualNamesEveryKey(t *testing.T) {
	manual, err := os.ReadFile("../../admin/deploy/README.md")
	require.NoError(t, err)
	config := reflect.TypeFor[processConfig]()
	for field := range config.Fields() {
		if key := field.Tag.Get("yaml"); key != "" {
			require.Regexp(t, "(?m)^\\| `"+key+"[`.]", string(manual))
		}
	}
	asked := map[string]bool{}
	p := &program{uid: 1000, getenv: func(name string) string { asked[name] = true; return "" }}
	p.readEnvironment(&processConfig{})
	p.defaultStateDir()
	require.NoError(t, (&processConfig{}).readPassword(p.getenv))
	delete(asked, "HOME")
	require.Len(t, asked, 12)
	for name := range asked {
		require.Contains(t, string(manual), name)
	}
}
