package admin

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// thousands writes a number with commas.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return sign + out.String()
}

// size writes the size of a pool; one that nobody can fill as a power of two.
func size(n uint64) string {
	const readable = 10_000_000
	if n < readable {
		return thousands(int64(n))
	}
	exponent := fmt.Sprintf("%.0f", math.Log2(float64(n)))
	return "2" + strings.Map(func(r rune) rune { return []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[r-'0'] }, exponent)
}

// soft lets a long name be broken after its dots, and an IPv6 address after its
// colons, and nowhere else. The text itself is escaped.
func soft(text string) template.HTML {
	after := "."
	if strings.Contains(text, ":") {
		after = ":"
	} else if text != "" && text[len(text)-1] <= '9' { // an IPv4 address
		return template.HTML(template.HTMLEscapeString(text))
	}
	pieces := strings.SplitAfter(text, after)
	for i, piece := range pieces {
		pieces[i] = template.HTMLEscapeString(piece)
	}
	return template.HTML(strings.Join(pieces, "<wbr>"))
}

// moment writes how long ago something was.
func moment(d time.Duration) string {
	if d < time.Second {
		return "now"
	}
	return span(d) + " ago"
}

// span writes a time in one unit, as people say it.
func span(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 36*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// percent writes a part of the whole; what is not nothing is never 0, and what
// is not everything never 100.
func percent(part float64) string {
	switch {
	case part <= 0:
		return "0 %"
	case part < 0.001:
		return "<0.1 %"
	case part < 0.1:
		return fmt.Sprintf("%.1f %%", 100*part)
	case part < 1:
		return fmt.Sprintf("%d %%", min(99, int(math.Round(100*part))))
	}
	return "100 %"
}

// fixed writes the length of a bar.
func fixed(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

func plural(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return thousands(n) + " " + word + "s"
}

// seconds is a time in the API: with milliseconds, and never before now.
func seconds(d time.Duration) float64 {
	return max(0, float64(d.Round(time.Millisecond).Milliseconds())/1000)
}
