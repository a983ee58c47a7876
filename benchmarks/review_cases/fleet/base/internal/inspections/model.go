// Package inspections keeps inspections.
package inspections

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Inspection is one inspection.
type Inspection struct {
	ID        string    `json:"id"`
	VehicleID string    `json:"vehicle_id"`
	Kind      string    `json:"kind"`
	Done      time.Time `json:"done"`
	ValidDays int       `json:"valid_days"`
	Passed    bool      `json:"passed"`
}

// Validate returns what is wrong with a inspection.
func (x Inspection) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a inspection has an id")
	}
	if x.ValidDays < 1 {
		return domain.Invalid("an inspection is good for a day")
	}
	return nil
}
