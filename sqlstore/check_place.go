package sqlstore

import (
	"fmt"
	"strconv"
)

// place is where the checker is: a path of the document, and the object there.
// Both are put into words only when something is wrong. Nil is the document's
// top.
type place struct {
	up    *place
	step  string // what the path has after that of up; "" for nothing
	index int    // in the list called step, -1 where step is a key

	link   *Link // with subnet: the object is that subnet
	subnet *Subnet
	format string // else: what the object is called; "" for that of up
	args   []any
	within bool // format goes on after the object of up
}

// key is a place below p.
func (p *place) key(step string) *place { return &place{up: p, step: step, index: -1} }

// item is an item of a list below p.
func (p *place) item(step string, index int) *place { return &place{up: p, step: step, index: index} }

// parameter is the place of a parameter of the object at p.
func (p *place) parameter(name string) *place {
	return p.key("parameters").key(name).of("parameter %s", name)
}

// named is p with another object there.
func (p *place) named(format string, args ...any) *place {
	return &place{up: p, format: format, args: args}
}

// of is p with an object within the one there.
func (p *place) of(format string, args ...any) *place {
	return &place{up: p, format: format, args: args, within: true}
}

// at is p with a subnet there.
func (p *place) at(l *Link, s *Subnet) *place { return &place{up: p, link: l, subnet: s} }

func (p *place) path() string {
	if p == nil {
		return ""
	}
	path := p.up.path()
	if p.step == "" {
		return path
	}
	if path != "" {
		path += "."
	}
	path += p.step
	if p.index >= 0 {
		path += "[" + strconv.Itoa(p.index) + "]"
	}
	return path
}

func (p *place) object() string {
	if p == nil {
		return ""
	}
	if p.subnet != nil {
		return subnetName(p.link, p.subnet)
	}
	if p.format == "" {
		return p.up.object()
	}
	object := fmt.Sprintf(p.format, p.args...)
	if around := p.up.object(); p.within && around != "" && around != "global" {
		return around + " " + object
	}
	return object
}
