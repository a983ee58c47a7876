// Package mileages keeps readings.
package mileages

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Reading is one reading.
type Reading struct {
	ID        string    `json:"id"`
	VehicleID string    `json:"vehicle_id"`
	Km        uint32    `json:"km"`
	At        time.Time `json:"at"`
	Source    string    `json:"source"`
}

// Validate returns what is wrong with a reading.
func (x Reading) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a reading has an id")
	}
	if x.Source == "" {
		return domain.Invalid("a reading comes from somewhere")
	}
	return nil
}
