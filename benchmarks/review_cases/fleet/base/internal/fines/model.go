// Package fines keeps fines.
package fines

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Fine is one fine.
type Fine struct {
	ID       string    `json:"id"`
	DriverID string    `json:"driver_id"`
	Reason   string    `json:"reason"`
	Amount   int       `json:"amount"`
	Issued   time.Time `json:"issued"`
	Paid     bool      `json:"paid"`
}

// Validate returns what is wrong with a fine.
func (x Fine) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a fine has an id")
	}
	if x.Amount <= 0 {
		return domain.Invalid("a fine is an amount")
	}
	return nil
}
