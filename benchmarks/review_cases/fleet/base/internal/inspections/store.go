package inspections

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket      = "inspections"
	byVehicleID = "inspections-by-vehicle-id"
)

// Store keeps inspections in a key-value store, and finds them by vehicle id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a inspection. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Inspection, error) {
	var inspection Inspection
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Inspection{}, err
	}
	if err := json.Unmarshal(data, &inspection); err != nil {
		return Inspection{}, err
	}
	return inspection, nil
}

// Put stores a inspection, in place of one with the same id.
func (s *Store) Put(inspection Inspection) error {
	if err := inspection.Validate(); err != nil {
		return err
	}
	if err := s.unindex(inspection.ID); err != nil {
		return err
	}
	data, err := json.Marshal(inspection)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, inspection.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byVehicleID, kv.Join(inspection.VehicleID, inspection.ID), nil)
}

// Delete removes a inspection; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByVehicleID returns the inspections of one vehicle, by id.
func (s *Store) ListByVehicleID(vehicleID string) ([]Inspection, error) {
	keys, err := s.kv.Keys(byVehicleID, kv.Join(vehicleID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Inspection, 0, len(keys))
	for _, key := range keys {
		inspection, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, inspection)
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
