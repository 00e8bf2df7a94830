package admin

import "net/http"

type console struct{}

func newConsole(*Server) (*console, error) { return &console{}, nil }

func (c *console) refuse(w http.ResponseWriter, _ *http.Request, no *refusal) { no.write(w) }
