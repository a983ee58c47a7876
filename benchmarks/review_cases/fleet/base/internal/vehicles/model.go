// Package vehicles keeps vehicles.
package vehicles

import (
	"example.com/fleet/internal/domain"
)

// Vehicle is one vehicle.
type Vehicle struct {
	ID       string `json:"id"`
	Plate    string `json:"plate"`
	Model    string `json:"model"`
	DepotID  string `json:"depot_id"`
	Seats    int    `json:"seats"`
	Odometer int    `json:"odometer"`
	Retired  bool   `json:"retired"`
}

// Validate returns what is wrong with a vehicle.
func (x Vehicle) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a vehicle has an id")
	}
	if x.Plate == "" {
		return domain.Invalid("a vehicle has a plate")
	}
	return nil
}
