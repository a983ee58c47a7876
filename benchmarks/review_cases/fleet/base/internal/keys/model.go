// Package keys keeps keys.
package keys

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Key is one key.
type Key struct {
	ID        string    `json:"id"`
	VehicleID string    `json:"vehicle_id"`
	Box       string    `json:"box"`
	Holder    string    `json:"holder"`
	Taken     time.Time `json:"taken"`
}

// Validate returns what is wrong with a key.
func (x Key) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a key has an id")
	}
	if x.Box == "" {
		return domain.Invalid("a key has a box")
	}
	return nil
}
