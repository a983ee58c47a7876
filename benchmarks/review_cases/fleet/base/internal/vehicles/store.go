package vehicles

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket    = "vehicles"
	byDepotID = "vehicles-by-depot-id"
)

// Store keeps vehicles in a key-value store, and finds them by depot id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a vehicle. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Vehicle, error) {
	var vehicle Vehicle
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Vehicle{}, err
	}
	if err := json.Unmarshal(data, &vehicle); err != nil {
		return Vehicle{}, err
	}
	return vehicle, nil
}

// Put stores a vehicle, in place of one with the same id.
func (s *Store) Put(vehicle Vehicle) error {
	if err := vehicle.Validate(); err != nil {
		return err
	}
	if err := s.unindex(vehicle.ID); err != nil {
		return err
	}
	data, err := json.Marshal(vehicle)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, vehicle.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byDepotID, kv.Join(vehicle.DepotID, vehicle.ID), nil)
}

// Delete removes a vehicle; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByDepotID returns the vehicles of one depot, by id.
func (s *Store) ListByDepotID(depotID string) ([]Vehicle, error) {
	keys, err := s.kv.Keys(byDepotID, kv.Join(depotID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Vehicle, 0, len(keys))
	for _, key := range keys {
		vehicle, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, vehicle)
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
	return s.kv.Delete(byDepotID, kv.Join(old.DepotID, old.ID))
}
