// Package clock counts time the way that it is charged.
package clock

import "time"

const day = 24 * time.Hour

// Days returns how many calendar days (UTC) lie between the day on which a time begins and that on which it ends.
func Days(from, to time.Time) int {
	first := from.UTC().Truncate(day)
	last := to.UTC().Truncate(day)
	if last.Before(first) {
		return 0
	}
	return int(last.Sub(first) / day)
}
