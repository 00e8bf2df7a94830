package sqlstore

import (
	"math"
	"slices"
	"strings"
)

// ParameterRow is a ParameterDef as the row of parameter_def, from which the
// triggers of the table parameter know what may be written. What it cannot say
// (names in DNS, a rate between 0 and 0.001) is checked when the configuration is
// loaded.
type ParameterRow struct {
	Name, Type, Scopes string
	Lowest, Highest    *float64 // both nil: the value is no number
	Whole              bool     // without a fraction
	Choices            string   // the values that there are, separated by commas; "": no list
	Default, Help      string
}

// ParameterRows returns the rows of parameter_def, in the order of ParameterDefs.
func ParameterRows() []ParameterRow {
	rows := make([]ParameterRow, 0, len(ParameterDefs))
	for _, d := range ParameterDefs {
		r := ParameterRow{
			Name: d.Name, Type: string(d.Type), Scopes: d.Scopes, Choices: strings.Join(d.Choices(), ","), Default: d.Default, Help: d.Help,
		}
		if d.Type == BoolParameter {
			r.Choices = "true,false"
		}
		if lowest, highest, whole, number := d.bounds(); number {
			r.Lowest, r.Highest, r.Whole = &lowest, &highest, whole
		}
		rows = append(rows, r)
	}
	return rows
}

// bounds returns the range of a parameter that is a number.
func (d ParameterDef) bounds() (lowest, highest float64, whole, number bool) {
	switch d.Type {
	case SecondsParameter:
		switch {
		case d.Name == "reclaim_grace":
			lowest = 60
		case slices.Contains(neverZero, d.Name):
			lowest = 1
		}
		return lowest, math.MaxUint32, true, true
	case PercentParameter:
		return 1, 100, false, true
	case ShareParameter:
		return 0, 0.999999, false, true
	case ByteParameter:
		return 0, math.MaxUint8, true, true
	case CountParameter:
		return 0, 1_000_000, true, true
	case RateParameter:
		return 0, 1_000_000, false, true
	case TTLParameter:
		return 0, math.MaxInt32, true, true
	case WholePercentParameter:
		return 0, 100, true, true
	}
	return 0, 0, false, false
}
