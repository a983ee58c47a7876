package mileages

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket      = "mileages"
	byVehicleID = "mileages-by-vehicle-id"
)

// Store keeps readings in a key-value store, and finds them by vehicle id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a reading. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Reading, error) {
	var reading Reading
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Reading{}, err
	}
	if err := json.Unmarshal(data, &reading); err != nil {
		return Reading{}, err
	}
	return reading, nil
}

// Put stores a reading, in place of one with the same id.
func (s *Store) Put(reading Reading) error {
	if err := reading.Validate(); err != nil {
		return err
	}
	if err := s.unindex(reading.ID); err != nil {
		return err
	}
	data, err := json.Marshal(reading)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, reading.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byVehicleID, kv.Join(reading.VehicleID, reading.ID), nil)
}

// Delete removes a reading; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByVehicleID returns the readings of one vehicle, by id.
func (s *Store) ListByVehicleID(vehicleID string) ([]Reading, error) {
	keys, err := s.kv.Keys(byVehicleID, kv.Join(vehicleID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Reading, 0, len(keys))
	for _, key := range keys {
		reading, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, reading)
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
