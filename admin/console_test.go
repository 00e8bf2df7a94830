package admin

import "testing"

func (b *bench) login(t *testing.T) string { return b.loginWith(t, b.token) }

func (b *bench) loginWith(t *testing.T, token string) string { t.Skip("no console yet"); return token }
