package ddns

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// callTime bounds one call of the database.
const callTime = 30 * time.Second

// follow reads each new revision of the configuration.
func (w *Worker) follow() {
	for w.soft.Err() == nil {
		if err := w.refresh(); err != nil {
			w.mu.Lock()
			first := w.refused == nil || w.refused.Error() != err.Error()
			w.refused = err
			w.mu.Unlock()
			if first && w.soft.Err() == nil {
				w.log.Error("configuration cannot be used", slog.String("event", "ddns.config_failed"), slog.Any("err", err))
			}
		}
		w.pause(w.soft, w.t.config)
	}
}

// refresh puts the newest revision into use, if it is not. Its servers are
// tried anew: what was wrong may have been mended.
func (w *Worker) refresh() error {
	w.reading.Lock()
	defer w.reading.Unlock()
	ctx, cancel := context.WithTimeout(w.soft, callTime)
	defer cancel()
	newest, err := w.cfg.Store.Revision(ctx)
	if err != nil {
		return fmt.Errorf("read revision: %w", err)
	}
	using := w.snap.Load()
	if using != nil && using.revision >= newest {
		w.accept()
		return nil
	}
	c, err := w.cfg.Store.LoadConfig(ctx)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	secrets := map[string]string{}
	if len(c.TSIGKeys) > 0 {
		if secrets, err = w.cfg.Store.TSIGSecrets(ctx); err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
	}
	h := newHealths()
	snap, err := newSnapshot(c, secrets, h)
	if err != nil {
		return fmt.Errorf("revision %d: %w", c.Revision, err)
	}
	w.healths.Store(h)
	w.snap.Store(snap)
	w.accept()
	w.log.Info("configuration in use", slog.String("event", "ddns.config"), slog.Int64("revision", snap.revision), slog.Int("zones", len(snap.zones)))
	w.stir()
	return nil
}

func (w *Worker) accept() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = nil
}
