package load

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// recordHeader is the first line of a record; readers skip lines with #.
const recordHeader = "# rowperf record 1: at,sent,client,type,addr,asked,valid,server_id,from,xid\n"

// Writer is a Recorder that writes one line of comma-separated fields for each
// event: times in nanoseconds since 1970, the server identifier in hexadecimal.
// It is safe for concurrent use. An error stops the writing and is returned by
// Flush.
type Writer struct {
	mu   sync.Mutex
	w    *bufio.Writer
	line []byte
}

// NewWriter returns a Writer to w, which stays the caller's to close.
func NewWriter(w io.Writer) *Writer {
	b := bufio.NewWriterSize(w, 1<<16)
	b.WriteString(recordHeader) // an error shows again in Flush
	return &Writer{w: b}
}

// Record writes the event to the buffer.
func (w *Writer) Record(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := strconv.AppendInt(w.line[:0], e.At.UnixNano(), 10)
	b = strconv.AppendInt(append(b, ','), e.Sent.UnixNano(), 10)
	b = strconv.AppendInt(append(b, ','), int64(e.Client), 10)
	b = append(append(b, ','), e.Type.String()...)
	b = appendPrefix(append(b, ','), e.Addr)
	b = appendPrefix(append(b, ','), e.Asked)
	b = strconv.AppendUint(append(b, ','), uint64(e.Valid), 10)
	b = hex.AppendEncode(append(b, ','), []byte(e.ServerID))
	b = append(b, ',')
	if e.From.IsValid() {
		b = e.From.AppendTo(b)
	}
	b = strconv.AppendUint(append(b, ','), uint64(e.XID), 16)
	w.line = append(b, '\n')
	w.w.Write(w.line)
}

// Flush writes what is buffered and returns the first error since the
// beginning.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	return nil
}

func appendPrefix(b []byte, p netip.Prefix) []byte {
	if !p.IsValid() {
		return b
	}
	return p.AppendTo(b)
}

// ReadEvents reads what a Writer wrote. An error names the line.
func ReadEvents(r io.Reader) ([]Event, error) {
	var events []Event
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		if s.Text() == "" || strings.HasPrefix(s.Text(), "#") {
			continue
		}
		e, err := parseEvent(s.Text())
		if err != nil {
			return nil, fmt.Errorf("read record: line %d: %w", n, err)
		}
		events = append(events, e)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	return events, nil
}

func parseEvent(line string) (Event, error) {
	f := strings.Split(line, ",")
	if len(f) != 10 {
		return Event{}, fmt.Errorf("%d fields, not 10", len(f))
	}
	var e Event
	var errs [10]error
	e.At, errs[0] = parseNano(f[0])
	e.Sent, errs[1] = parseNano(f[1])
	e.Client, errs[2] = strconv.Atoi(f[2])
	e.Type, errs[3] = parseEventType(f[3])
	e.Addr, errs[4] = parsePrefix(f[4])
	e.Asked, errs[5] = parsePrefix(f[5])
	valid, err := strconv.ParseUint(f[6], 10, 32)
	e.Valid, errs[6] = uint32(valid), err
	id, err := hex.DecodeString(f[7])
	e.ServerID, errs[7] = string(id), err
	if f[8] != "" {
		e.From, errs[8] = netip.ParseAddrPort(f[8])
	}
	xid, err := strconv.ParseUint(f[9], 16, 32)
	e.XID, errs[9] = uint32(xid), err
	for i, err := range errs {
		if err != nil {
			return Event{}, fmt.Errorf("field %d: %w", i+1, err)
		}
	}
	return e, nil
}

func parseNano(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(0, n), err
}

func parsePrefix(s string) (netip.Prefix, error) {
	if s == "" {
		return netip.Prefix{}, nil
	}
	return netip.ParsePrefix(s)
}
