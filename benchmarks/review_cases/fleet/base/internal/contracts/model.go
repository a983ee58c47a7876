// Package contracts keeps contracts.
package contracts

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Contract is one contract.
type Contract struct {
	ID         string    `json:"id"`
	CustomerID string    `json:"customer_id"`
	TariffID   string    `json:"tariff_id"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Deposit    int       `json:"deposit"`
	Closed     bool      `json:"closed"`
}

// Validate returns what is wrong with a contract.
func (x Contract) Validate() error {
	if x.ID == "" {
		return domain.Invalid("a contract has an id")
	}
	if x.Deposit < 0 {
		return domain.Invalid("a deposit is no debt")
	}
	return nil
}
