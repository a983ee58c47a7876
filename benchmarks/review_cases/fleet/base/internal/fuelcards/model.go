// Package fuelcards keeps fuel cards.
package fuelcards

import (
	"example.com/fleet/internal/domain"
)

// Card is one fuel card.
type Card struct {
	ID        string `json:"id"`
	VehicleID string `json:"vehicle_id"`
	Number    string `json:"number"`
	Limit     int    `json:"limit"`
	Spent     int    `json:"spent"`
	Blocked   bool   `json:"blocked"`
}

// Validate returns what is wrong with a fuel card.
func (x Card) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a fuel card has an id")
	}
	if x.Limit < 0 {
		return domain.Invalid("a limit is no debt")
	}
	return nil
}
