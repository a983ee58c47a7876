// Package insurances keeps policys.
package insurances

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Policy is one policy.
type Policy struct {
	ID         string    `json:"id"`
	VehicleID  string    `json:"vehicle_id"`
	Insurer    string    `json:"insurer"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	Deductible int       `json:"deductible"`
}

// Validate returns what is wrong with a policy.
func (x Policy) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a policy has an id")
	}
	if !x.Until.After(x.From) {
		return domain.Invalid("a policy ends after it begins")
	}
	return nil
}
