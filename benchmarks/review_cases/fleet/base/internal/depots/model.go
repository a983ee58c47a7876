// Package depots keeps depots.
package depots

import (
	"example.com/fleet/internal/domain"
)

// Depot is one depot.
type Depot struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	City   string `json:"city"`
	Places int    `json:"places"`
	Opens  int    `json:"opens"`
	Closes int    `json:"closes"`
}

// Validate returns what is wrong with a depot.
func (x Depot) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a depot has an id")
	}
	if x.Closes <= x.Opens {
		return domain.Invalid("a depot closes after it opens")
	}
	return nil
}
