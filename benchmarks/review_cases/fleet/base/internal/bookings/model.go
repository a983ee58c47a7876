// Package bookings keeps bookings.
package bookings

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Booking is one booking.
type Booking struct {
	ID        string    `json:"id"`
	VehicleID string    `json:"vehicle_id"`
	DriverID  string    `json:"driver_id"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	State     string    `json:"state"`
	Price     int       `json:"price"`
}

// Validate returns what is wrong with a booking.
func (x Booking) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a booking has an id")
	}
	if !x.To.After(x.From) {
		return domain.Invalid("a booking ends after it begins")
	}
	return nil
}
