package admin

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// findBrowser returns the program, or ends the test: loudly, and as a failure
// where everything must be tested.
func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
		t.Fatal("no chromium, and ROWLOCK_TEST_REQUIRE is set")
	}
	t.Skip("no chromium: the console was not looked at in a browser")
	return ""
}

// visitor is a browser and what went wrong in it.
type visitor struct {
	ctx    context.Context
	mu     sync.Mutex
	wrongs []string
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(findBrowser(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Env("TMPDIR="+t.TempDir()), chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	v := &visitor{}
	tab, done := chromedp.NewContext(allocator, chromedp.WithListener(v.listen))
	t.Cleanup(func() { _ = chromedp.Cancel(tab); done() })
	ctx, cancel := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(cancel)
	v.ctx = ctx
	v.do(t, command(log.Enable, cdp.Empty{}))
	return v
}

// command is a command of the protocol as an action.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, c, params)
		return err
	})
}

// listen collects whatever the console of the browser says: errors, refusals
// of the content security policy, files that are not there.
func (v *visitor) listen(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		v.wrongs = append(v.wrongs, text)
	case *runtime.EventConsoleAPICalled:
		v.wrongs = append(v.wrongs, fmt.Sprintf("console.%s: %d values", e.Type, len(e.Args)))
	case *log.EventEntryAdded:
		v.wrongs = append(v.wrongs, e.Entry.Text+" "+e.Entry.URL)
	}
}

// quiet requires that nothing went wrong.
func (v *visitor) quiet(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	require.Empty(t, v.wrongs)
}

func (v *visitor) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(v.ctx, actions...))
}

// value evaluates an expression in the page.
func value[T any](t *testing.T, v *visitor, expression string) T {
	t.Helper()
	out, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err, expression)
	return out
}

// text is what a part of the page says.
func (v *visitor) text(t *testing.T, id string) string {
	t.Helper()
	return strings.Join(strings.Fields(value[string](t, v, fmt.Sprintf("document.getElementById(%q).innerText", id))), " ")
}

// until waits for an expression to become true. The page forbids the functions
// that the library would make for this.
func (v *visitor) until(t *testing.T, expression string) {
	t.Helper()
	for range 300 {
		out, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](expression))
		if err == nil && out {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("never true: %s", expression)
}

// screens are those that the page must look well on.
var screens = []struct {
	name          string
	width, height int64
	dark          bool
}{
	{"desktop-light", 1280, 900, false},
	{"desktop-dark", 1280, 900, true},
	{"phone-light", 375, 812, false},
	{"phone-dark", 375, 812, true},
}

// shoot looks at the page on every screen, and requires that nothing is beyond
// the edge of it.
func (v *visitor) shoot(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv("ROWLOCK_TEST_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, s := range screens {
		scheme := "light"
		if s.dark {
			scheme = "dark"
		}
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		v.do(t, command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}),
			chromedp.EmulateViewport(s.width, s.height, chromedp.EmulateScale(2)))
		v.until(t, "document.readyState === 'complete' && matchMedia('(prefers-color-scheme: "+scheme+")').matches")
		time.Sleep(500 * time.Millisecond) // for the picture: the chart is drawn anew
		width, scroll := value[int64](t, v, "document.documentElement.clientWidth"), value[int64](t, v, "document.documentElement.scrollWidth")
		require.Equal(t, s.width, width, s.name)
		require.LessOrEqual(t, scroll, width, "%s scrolls sideways on %s", name, s.name)
		beyond := true
		shot, err := chromedp.Call(v.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &beyond})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+"-"+s.name+".png"), shot.Data, 0o600))
	}
}

// busyStore has the counters of frontends that are at work.
type busyStore struct {
	sqlstore.Store
	began time.Time
}

func (b *busyStore) Frontends(ctx context.Context) ([]sqlstore.FrontendInfo, error) {
	list, err := b.Store.Frontends(ctx)
	for i := range list {
		list[i].Exchanges = int64(time.Since(b.began).Seconds()*float64(700-150*i)) + 1_200_000
		if list[i].ID == "dhcp3.example.org" {
			list[i].Age = 40 * time.Second
		} else {
			list[i].Age %= time.Second
		}
	}
	return list, err
}

// busySite has subnets of all kinds.
const busySite = `
shared_networks:
  - name: campus-north
    subnets:
      - {subnet: 192.0.2.0/25, id: 1, pools: [{pool: 192.0.2.10 - 192.0.2.29}]}
      - {subnet: 192.0.2.128/25, id: 2, pools: [{pool: 192.0.2.130 - 192.0.2.149}]}
  - name: residential
    subnets:
      - {subnet: 198.51.100.0/24, id: 3, pools: [{pool: 198.51.100.10 - 198.51.100.250}]}
      - {subnet: "2001:db8:1::/64", id: 4, pools: [{pool: "2001:db8:1::1000 - 2001:db8:1::ffff:ffff"}], pd_pools: [{prefix: "2001:db8:8000::/33", delegated_len: 56}]}
subnets:
  - {subnet: "2001:db8:2::/64", id: 5, pools: [{pool: "2001:db8:2::/65"}]}
  - {subnet: 203.0.113.0/24, id: 6}
  - {subnet: 192.0.2.0/24, id: 7, vrf: 7, pools: [{pool: 192.0.2.10 - 192.0.2.250}]}
`

// busyBench is a server with much to show.
func busyBench(t *testing.T) *bench {
	b := newBench(t)
	b.apply(t, strings.Replace(busySite, "campus-north", "campus", 1))
	a := b.do(t, http.MethodPost, applyPath+"?comment=The+campus+grows:+its+north+gets+a+network+of+its+own", busySite)
	require.Equal(t, http.StatusOK, a.status, a.body)
	vendors := []string{"laptop", "phone", "printer", "camera", "tv"}
	client := 0
	for _, some := range []struct {
		vrf, subnet uint32
		format      string
		first, last int
	}{
		{7, 7, "192.0.2.%d", 10, 25},
		{0, 5, "2001:db8:2::%d", 1, 3},
		{0, 1, "192.0.2.%d", 10, 20},
		{0, 3, "198.51.100.%d", 10, 12},
		{0, 2, "192.0.2.%d", 130, 148},
	} {
		for i := some.first; i <= some.last; i++ {
			client++
			b.lease(t, some.vrf, some.subnet, fmt.Sprintf(some.format, i), client, fmt.Sprintf("%s-%d.clients.example.org", vendors[client%len(vendors)], client))
		}
	}
	for i, f := range []string{"dhcp1.example.org", "dhcp2.example.org", "dhcp3.example.org"} {
		info := sqlstore.FrontendInfo{ID: f, Host: fmt.Sprintf("node%d", i+1), Version: "0.4.0", Roles: []string{"dhcp4", "dhcp6", "ddns"}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
		incarnation, err := b.store.Register(t.Context(), info)
		require.NoError(t, err)
		info.Incarnation, info.Revision = incarnation, int64(2-i/2)
		_, _, err = b.store.Heartbeat(t.Context(), info)
		require.NoError(t, err)
	}
	b.names.queue = []sqlstore.ZoneQueue{
		{Zone: "clients.example.org", Pending: 1243, Oldest: 95 * time.Second, Conflicts: 2},
		{Zone: "2.0.192.in-addr.arpa", Pending: 38, Oldest: 4 * time.Second},
	}
	c := &bench{store: b.store, names: b.names, registry: prometheus.NewRegistry(), logged: b.logged, token: b.token, client: b.client}
	c.start(t, &busyStore{b.store, time.Now()})
	past(c.rates)
	return c
}

// past fills the chart with ten minutes that somebody has looked at.
func past(s *sampler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for i := 300; i > 0; i-- {
		wave := math.Sin(float64(i)/23) + 0.4*math.Sin(float64(i)/4.1) + 0.2*math.Sin(float64(i)*2.3)
		point := sample{at: now.Add(-time.Duration(i) * sampleEvery), rates: map[string]float64{
			"dhcp1.example.org": 700 + 130*wave, "dhcp2.example.org": 550 + 90*wave, "dhcp3.example.org": 400 + 60*wave,
		}}
		if i < 90 {
			delete(point.rates, "dhcp3.example.org")
			point.rates["dhcp3.example.org"] = 0
			point.rates["dhcp1.example.org"] += 190
			point.rates["dhcp2.example.org"] += 170
		}
		s.samples = append(s.samples, point)
	}
}

// Somebody logs in, and sees what there is, on a desk and on a phone.
func TestConsoleInABrowser(t *testing.T) {
	v := newVisitor(t)
	b := busyBench(t)
	v.do(t, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(b.url+"/"))
	v.until(t, `location.pathname === "/login"`)
	v.shoot(t, "login")
	v.do(t, chromedp.SendKeys(chromedp.ID("token"), b.token+"\r"))
	v.until(t, `location.pathname === "/" && document.querySelector("#chart canvas") !== null`)

	require.Contains(t, v.text(t, "leases"), "192.0.2.148")
	require.Contains(t, v.text(t, "leases"), ".clients.example.org")
	require.Contains(t, v.text(t, "subnets"), "campus-north")
	require.Contains(t, v.text(t, "subnets"), "2⁶²")
	require.Contains(t, v.text(t, "subnets"), "95 %")
	require.Contains(t, v.text(t, "frontends"), "dhcp1.example.org")
	require.Contains(t, v.text(t, "frontends"), "dead")
	require.Contains(t, v.text(t, "dns"), "2 conflicts")
	require.Contains(t, v.text(t, "summary"), "2 of 3")
	require.Contains(t, v.text(t, "revisions"), "its north gets a network")
	v.until(t, `document.querySelectorAll("#legend li").length === 4`)

	// parts are renewed without a reload
	b.names.mu.Lock()
	b.names.queue = []sqlstore.ZoneQueue{{Zone: "later.example.org", Pending: 7}}
	b.names.mu.Unlock()
	v.until(t, `document.querySelector("#dns").textContent.includes("later.example.org")`)
	v.quiet(t)
	v.shoot(t, "console")
	v.quiet(t)

	require.Empty(t, value[[]string](t, v, `[...document.querySelectorAll("table")].filter(t => !t.querySelector("thead th[scope=col]") || !t.querySelector("tbody th[scope=row]")).map(t => t.innerText)`), "tables have headers")
	require.Empty(t, value[[]string](t, v, `[...document.querySelectorAll("section")].filter(s => !document.getElementById(s.getAttribute("aria-labelledby"))).map(s => s.id)`), "sections have headings")

	// what a revision changed has a page of its own
	v.do(t, chromedp.EmulateViewport(1280, 900), chromedp.Click(chromedp.CSS(`a[href="/revisions/2"]`)))
	v.until(t, `location.pathname === "/revisions/2" && document.querySelector(".diff li") !== null`)
	require.Contains(t, v.text(t, "main"), "+ shared_network campus-north: vrf 0")
	v.shoot(t, "revision")
	v.quiet(t)
	v.do(t, chromedp.EmulateViewport(1280, 900), chromedp.Click(chromedp.CSS(".back a")))
	v.until(t, `location.pathname === "/" && document.querySelector("header button") !== null`)

	v.do(t, chromedp.EmulateViewport(1280, 900), chromedp.Click(chromedp.CSS("header button")))
	v.until(t, `location.pathname === "/login"`)
	list, err := b.store.Tokens(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1, "the session is gone")
	v.quiet(t)
}

// A new installation says what to do next instead of showing zeros.
func TestEmptyConsoleInABrowser(t *testing.T) {
	v := newVisitor(t)
	b := newBench(t)
	v.do(t, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(b.url+"/login"), chromedp.SendKeys(chromedp.ID("token"), "wrong\r"))
	v.until(t, `document.querySelector("[role=alert]") !== null`)
	v.mu.Lock()
	v.wrongs = nil // a browser reports the 401 of the login as well
	v.mu.Unlock()
	v.do(t, chromedp.SendKeys(chromedp.ID("token"), b.token+"\r"))
	v.until(t, `location.pathname === "/" && document.getElementById("chart-text").textContent.startsWith("No frontend")`)
	require.True(t, value[bool](t, v, `document.getElementById("chart").hidden && document.querySelector("#chart canvas") === null`))
	for part, want := range map[string]string{
		"subnets": "No subnets yet: rowlock apply site.yaml", "leases": "No lease is active", "frontends": "rowlock serve", "dns": "No zones are configured", "revisions": "Nothing was configured yet",
	} {
		require.Contains(t, v.text(t, part), want)
	}
	v.shoot(t, "empty")
	v.quiet(t)

	// a server that cannot tell does not leave old figures without a word
	require.True(t, value[bool](t, v, "document.getElementById('stale').hidden"))
	require.NoError(t, b.store.Close())
	v.until(t, "!document.getElementById('stale').hidden")
}
