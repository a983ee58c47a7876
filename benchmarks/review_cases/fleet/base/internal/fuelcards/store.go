package fuelcards

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket      = "fuelcards"
	byVehicleID = "fuelcards-by-vehicle-id"
)

// Store keeps fuel cards in a key-value store, and finds them by vehicle id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a fuel card. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Card, error) {
	var card Card
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Card{}, err
	}
	if err := json.Unmarshal(data, &card); err != nil {
		return Card{}, err
	}
	return card, nil
}

// Put stores a fuel card, in place of one with the same id.
func (s *Store) Put(card Card) error {
	if err := card.Validate(); err != nil {
		return err
	}
	if err := s.unindex(card.ID); err != nil {
		return err
	}
	data, err := json.Marshal(card)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, card.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byVehicleID, kv.Join(card.VehicleID, card.ID), nil)
}

// Delete removes a fuel card; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByVehicleID returns the fuel cards of one vehicle, by id.
func (s *Store) ListByVehicleID(vehicleID string) ([]Card, error) {
	keys, err := s.kv.Keys(byVehicleID, kv.Join(vehicleID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Card, 0, len(keys))
	for _, key := range keys {
		card, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, card)
	}
	return found, nil
}

func (s *Store) unindex(id string) error {
	old, err := s.Get(id)
	if err == kv.ErrNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return s.kv.Delete(byVehicleID, kv.Join(old.VehicleID, old.ID))
}
