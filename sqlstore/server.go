package sqlstore

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// leadingNumbers is what a version text begins with: 15.4, 8.0.19, 17.
var leadingNumbers = regexp.MustCompile(`^\d{1,5}(\.\d{1,5}){0,2}`)

// CheckServer returns ErrServer when version is below oldest, or cannot be read.
// What follows the numbers (a distributor's name, a build) does not matter.
func CheckServer(product, version, oldest string) error {
	have := numbers(version)
	if have == nil {
		return fmt.Errorf("%w: %s says %q, which is no version; %s or later is needed", ErrServer, product, version, oldest)
	}
	if slices.Compare(have, numbers(oldest)) < 0 {
		return fmt.Errorf("%w: %s %s is too old, %s or later is needed", ErrServer, product, version, oldest)
	}
	return nil
}

// numbers returns the three numbers of a version; those that are missing are 0.
func numbers(version string) []int {
	found := leadingNumbers.FindString(version)
	if found == "" {
		return nil
	}
	out := make([]int, 3)
	for i, part := range strings.Split(found, ".") {
		out[i], _ = strconv.Atoi(part) // nothing but digits
	}
	return out
}
