package fuelcards

import (
	"example.com/fleet/internal/domain"
)

// Service is what can be done with fuel cards.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Spend charges a card, in cents, up to its limit.
func (s *Service) Spend(id string, cents int) (Card, error) {
	card, err := s.store.Get(id)
	if err != nil {
		return Card{}, err
	}
	if card.Blocked {
		return Card{}, domain.Invalid("the card is blocked")
	}
	if cents <= 0 || card.Spent+cents > card.Limit {
		return Card{}, domain.Invalid("%d is left on the card", card.Limit-card.Spent)
	}
	card.Spent += cents
	if err := s.store.Put(card); err != nil {
		return Card{}, err
	}
	return card, nil
}

// Reset begins a new month on all cards of a vehicle.
func (s *Service) Reset(vehicleID string) error {
	there, err := s.store.ListByVehicleID(vehicleID)
	if err != nil {
		return err
	}
	for _, card := range there {
		card.Spent = 0
		if err := s.store.Put(card); err != nil {
			return err
		}
	}
	return nil
}
