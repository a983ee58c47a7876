package contracts

import (
	"time"

	"example.com/fleet/internal/clock"
	"example.com/fleet/internal/domain"
)

// Service is what can be done with contracts.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Close ends a contract and returns how many days of it are charged.
func (s *Service) Close(id string, to time.Time) (int, error) {
	contract, err := s.store.Get(id)
	if err != nil {
		return 0, err
	}
	if contract.Closed {
		return 0, domain.Invalid("the contract is closed")
	}
	if to.Before(contract.From) {
		return 0, domain.Invalid("a contract ends after it begins")
	}
	contract.To, contract.Closed = to, true
	if err := s.store.Put(contract); err != nil {
		return 0, err
	}
	return chargedDays(contract), nil
}

// chargedDays counts the day of the return as well as that of the hand-over.
func chargedDays(contract Contract) int {
	return clock.Days(contract.From, contract.To) + 1
}

// Deposits returns what is held of a customer, in cents.
func (s *Service) Deposits(customerID string) (int, error) {
	there, err := s.store.ListByCustomerID(customerID)
	if err != nil {
		return 0, err
	}
	held := 0
	for _, contract := range there {
		if !contract.Closed {
			held += contract.Deposit
		}
	}
	return held, nil
}
