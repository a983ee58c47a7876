// Package tariffs keeps tariffs.
package tariffs

import (
	"example.com/fleet/internal/domain"
)

// Tariff is one tariff.
type Tariff struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Class  string `json:"class"`
	PerDay int    `json:"per_day"`
	PerKm  int    `json:"per_km"`
	FreeKm int    `json:"free_km"`
}

// Validate returns what is wrong with a tariff.
func (x Tariff) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a tariff has an id")
	}
	if x.PerDay < 0 || x.PerKm < 0 {
		return domain.Invalid("a tariff costs something or nothing")
	}
	return nil
}
