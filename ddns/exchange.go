package ddns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// errNoServer is what names of a zone wait for while none of its servers is
// asked.
var errNoServer = errors.New("no server of the zone can be used")

// pick returns the server to ask: the one that did its work last, else the
// next one that is not left alone; nil when all are.
func (z *zone) pick(now time.Time) *target {
	for i := range z.servers {
		at := (int(z.worked.Load()) + i) % len(z.servers)
		if z.servers[at].wait(now) == 0 {
			z.worked.Store(int32(at))
			return z.servers[at]
		}
	}
	return nil
}

// wait is how long it takes until a server of the zone is asked again.
func (z *zone) wait(now time.Time) time.Duration {
	var shortest time.Duration
	for i, t := range z.servers {
		if w := t.wait(now); i == 0 || w < shortest {
			shortest = w
		}
	}
	return shortest
}

func (g *group) wait() time.Duration { return g.zone.wait(time.Now()) }

// room is how many names the next message may have, and whether it goes by UDP.
func (g *group) room() (names int, udp bool) {
	t := g.zone.pick(time.Now())
	if t == nil {
		return g.w.t.names, false
	}
	return t.here.room(g.w.t.names), t.udp
}

// exchange sends the steps of the names to the first server of the zone that
// answers. A refusal of a single name counts as the server's when it is one of
// several in a row; then the next server is asked.
func (g *group) exchange(ctx context.Context, batch []*job) answer {
	u := update{zone: g.zone.name}
	for _, j := range batch {
		u.names = append(u.names, j.row.Name)
		u.steps = append(u.steps, j.steps[j.at])
	}
	last := answer{verdict: noAnswer, err: errNoServer}
	for i := range g.zone.servers {
		t := g.zone.pick(time.Now())
		if t == nil || ctx.Err() != nil || i > 0 && time.Until(g.deadline) < g.w.t.reserve {
			break // the next one is asked under another claim
		}
		began := time.Now()
		a := g.w.sender.send(ctx, t.server, u)
		if ctx.Err() != nil {
			last.unknown = true
			break
		}
		g.w.metrics.messages.WithLabelValues(a.code).Inc()
		g.w.metrics.seconds.Observe(time.Since(began).Seconds())
		unknown := last.unknown || a.unknown
		if g.judge(t, batch, a, began) {
			a.unknown = unknown
			return a
		}
		last = answer{verdict: noAnswer, err: fmt.Errorf("%s: %w", t.server, a.err), unknown: unknown}
	}
	return last
}

// judge notes what an answer says about the server, and tells whether it is one
// to go on with. The message was sent at that time.
func (g *group) judge(t *target, batch []*job, a answer, sent time.Time) bool {
	switch {
	case a.verdict == refused && (len(batch) > 1 || !t.here.strike(batch[0].row.Name)):
		g.up(t, t.host)
		return true
	case a.verdict == refused:
		g.up(t, t.host)
		g.down(t, t.here, a, sent)
		return false
	case a.verdict != noAnswer:
		g.up(t, t.host)
		if a.replied && a.code != "UNSENT" {
			t.here.resize(len(batch), g.w.t.names, true)
			g.up(t, t.here)
		}
		return true
	case a.replied:
		g.up(t, t.host)
		g.down(t, t.here, a, sent)
	case a.late:
		t.here.resize(len(batch), g.w.t.names, false)
		g.down(t, t.here, a, sent)
	default:
		g.down(t, t.host, a, sent)
	}
	return false
}

func (g *group) up(t *target, h *health) {
	if h.ok() {
		g.w.log.Info("dns server is back", slog.String("event", "ddns.server_up"), slog.String("server", t.server.String()),
			slog.String("zone", g.zone.name))
	}
}

func (g *group) down(t *target, h *health, a answer, sent time.Time) {
	first, pause := h.fail(&g.w.t, sent, time.Now())
	level := slog.LevelDebug
	if first {
		level = slog.LevelWarn
	}
	g.w.log.Log(context.Background(), level, "dns server cannot be used, trying again", slog.String("event", "ddns.server_down"),
		slog.String("server", t.server.String()), slog.String("zone", g.zone.name), slog.Duration("in", pause),
		slog.Any("err", a.err), slog.String("hint", hint(a.code)))
}

// hint is what to look at when a server cannot be used.
func hint(code string) string {
	switch code {
	case "TIMEOUT", "NETWORK":
		return "is the server up, and does a firewall let TCP to this port through"
	case "REFUSED":
		return "is this key, or address, allowed to update the zone; some servers say so of a wrong key"
	case "NOTAUTH":
		return "is the server a primary of the zone, and the zone's name right"
	case "BADKEY", "BADSIG":
		return "compare name, algorithm and secret of the key on both sides"
	case "BADTIME":
		return "the clocks of the two machines differ by more than five minutes"
	case "UNSENT":
		return "write the secret of the key in base64"
	case "SERVFAIL":
		return "the log of the dns server has the reason"
	}
	return "the log of the dns server may have the reason"
}
