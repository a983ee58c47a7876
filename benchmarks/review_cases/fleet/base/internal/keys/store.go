package keys

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket      = "keys"
	byVehicleID = "keys-by-vehicle-id"
)

// Store keeps keys in a key-value store, and finds them by vehicle id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a key. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Key, error) {
	var key Key
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Key{}, err
	}
	if err := json.Unmarshal(data, &key); err != nil {
		return Key{}, err
	}
	return key, nil
}

// Put stores a key, in place of one with the same id.
func (s *Store) Put(key Key) error {
	if err := key.Validate(); err != nil {
		return err
	}
	if err := s.unindex(key.ID); err != nil {
		return err
	}
	data, err := json.Marshal(key)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, key.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byVehicleID, kv.Join(key.VehicleID, key.ID), nil)
}

// Delete removes a key; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByVehicleID returns the keys of one vehicle, by id.
func (s *Store) ListByVehicleID(vehicleID string) ([]Key, error) {
	keys, err := s.kv.Keys(byVehicleID, kv.Join(vehicleID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Key, 0, len(keys))
	for _, key := range keys {
		key, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, key)
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
