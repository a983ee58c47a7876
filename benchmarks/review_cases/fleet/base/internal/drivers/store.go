package drivers

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket    = "drivers"
	byDepotID = "drivers-by-depot-id"
)

// Store keeps drivers in a key-value store, and finds them by depot id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a driver. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Driver, error) {
	var driver Driver
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Driver{}, err
	}
	if err := json.Unmarshal(data, &driver); err != nil {
		return Driver{}, err
	}
	return driver, nil
}

// Put stores a driver, in place of one with the same id.
func (s *Store) Put(driver Driver) error {
	if err := driver.Validate(); err != nil {
		return err
	}
	if err := s.unindex(driver.ID); err != nil {
		return err
	}
	data, err := json.Marshal(driver)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, driver.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byDepotID, kv.Join(driver.DepotID, driver.ID), nil)
}

// Delete removes a driver; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByDepotID returns the drivers of one depot, by id.
func (s *Store) ListByDepotID(depotID string) ([]Driver, error) {
	keys, err := s.kv.Keys(byDepotID, kv.Join(depotID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Driver, 0, len(keys))
	for _, key := range keys {
		driver, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, driver)
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
