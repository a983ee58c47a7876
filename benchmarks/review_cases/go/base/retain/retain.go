// Package retain deletes versions that nobody needs any more.
package retain

import (
	"time"

	"example.com/mirror/blob"
	"example.com/mirror/index"
)

// Policy says what stays.
type Policy struct {
	// Keep is how many of the latest versions of each artifact stay, however old.
	Keep int
	// MaxAge is how old another version may get.
	MaxAge time.Duration
}

// Sweep removes what the policy doesn't keep and returns how many versions went.
func Sweep(x *index.Index, s *blob.Store, p Policy, now time.Time) (int, error) {
	removed := 0
	for _, name := range x.Names() {
		versions := x.Versions(name)
		if len(versions) <= p.Keep {
			continue
		}
		for _, e := range versions[p.Keep:] {
			if now.Sub(e.Published) <= p.MaxAge {
				continue
			}
			x.Remove(name, e.Version)
			if err := s.Remove(e.Digest); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}
