// Package damages keeps damages.
package damages

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Damage is one damage.
type Damage struct {
	ID        string    `json:"id"`
	VehicleID string    `json:"vehicle_id"`
	BookingID string    `json:"booking_id"`
	Part      string    `json:"part"`
	Cost      int       `json:"cost"`
	Reported  time.Time `json:"reported"`
	Settled   bool      `json:"settled"`
}

// Validate returns what is wrong with a damage.
func (x Damage) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a damage has an id")
	}
	if x.Part == "" {
		return domain.Invalid("a damage is to a part")
	}
	return nil
}
