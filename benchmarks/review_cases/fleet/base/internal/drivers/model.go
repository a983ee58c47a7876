// Package drivers keeps drivers.
package drivers

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Driver is one driver.
type Driver struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	License       string    `json:"license"`
	LicensedUntil time.Time `json:"licensed_until"`
	DepotID       string    `json:"depot_id"`
	Points        int       `json:"points"`
}

// Validate returns what is wrong with a driver.
func (x Driver) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a driver has an id")
	}
	if x.Name == "" {
		return domain.Invalid("a driver has a name")
	}
	return nil
}
