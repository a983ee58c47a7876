package damages

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket      = "damages"
	byVehicleID = "damages-by-vehicle-id"
)

// Store keeps damages in a key-value store, and finds them by vehicle id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a damage. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Damage, error) {
	var damage Damage
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Damage{}, err
	}
	if err := json.Unmarshal(data, &damage); err != nil {
		return Damage{}, err
	}
	return damage, nil
}

// Put stores a damage, in place of one with the same id.
func (s *Store) Put(damage Damage) error {
	if err := damage.Validate(); err != nil {
		return err
	}
	if err := s.unindex(damage.ID); err != nil {
		return err
	}
	data, err := json.Marshal(damage)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, damage.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byVehicleID, kv.Join(damage.VehicleID, damage.ID), nil)
}

// Delete removes a damage; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByVehicleID returns the damages of one vehicle, by id.
func (s *Store) ListByVehicleID(vehicleID string) ([]Damage, error) {
	keys, err := s.kv.Keys(byVehicleID, kv.Join(vehicleID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Damage, 0, len(keys))
	for _, key := range keys {
		damage, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, damage)
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
