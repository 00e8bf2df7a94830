package sqlstore

import "fmt"

// FindingStatus ranks a finding by what it asks of the operator.
type FindingStatus uint8

// The ranks. A problem keeps the server from working, or from keeping what it
// promised; a warning will do so under load, after a crash or later; a note is
// worth knowing.
const (
	FindingOK FindingStatus = iota
	FindingNote
	FindingWarning
	FindingProblem
)

var findingStatusNames = [...]string{"ok", "note", "warning", "problem"}

func (s FindingStatus) String() string {
	if int(s) < len(findingStatusNames) {
		return findingStatusNames[s]
	}
	return "status"
}

// MarshalText writes the rank by its name.
func (s FindingStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a rank.
func (s *FindingStatus) UnmarshalText(text []byte) error {
	for i, name := range findingStatusNames {
		if name == string(text) {
			*s = FindingStatus(i)
			return nil
		}
	}
	return fmt.Errorf("parse status: %q is unknown", text)
}

// Finding is one thing that was looked at. IDs are stable; all are in
// cmd/rowlock/README.md.
type Finding struct {
	ID     string        `json:"id"`
	Status FindingStatus `json:"status"`
	Text   string        `json:"text"`             // what was found
	Why    string        `json:"why,omitempty"`    // why it matters; empty where all is well
	Advice string        `json:"advice,omitempty"` // what to do: the command or the SQL
}

// Findings collects what was found.
type Findings []Finding

// OK adds that something is as it should be.
func (f *Findings) OK(id, format string, args ...any) {
	*f = append(*f, Finding{ID: id, Text: fmt.Sprintf(format, args...)})
}

// Add adds something that is not.
func (f *Findings) Add(id string, status FindingStatus, text, why, advice string) {
	*f = append(*f, Finding{id, status, text, why, advice})
}
