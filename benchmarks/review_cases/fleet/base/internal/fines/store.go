package fines

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket     = "fines"
	byDriverID = "fines-by-driver-id"
)

// Store keeps fines in a key-value store, and finds them by driver id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a fine. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Fine, error) {
	var fine Fine
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Fine{}, err
	}
	if err := json.Unmarshal(data, &fine); err != nil {
		return Fine{}, err
	}
	return fine, nil
}

// Put stores a fine, in place of one with the same id.
func (s *Store) Put(fine Fine) error {
	if err := fine.Validate(); err != nil {
		return err
	}
	if err := s.unindex(fine.ID); err != nil {
		return err
	}
	data, err := json.Marshal(fine)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, fine.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byDriverID, kv.Join(fine.DriverID, fine.ID), nil)
}

// Delete removes a fine; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByDriverID returns the fines of one driver, by id.
func (s *Store) ListByDriverID(driverID string) ([]Fine, error) {
	keys, err := s.kv.Keys(byDriverID, kv.Join(driverID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Fine, 0, len(keys))
	for _, key := range keys {
		fine, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, fine)
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
	return s.kv.Delete(byDriverID, kv.Join(old.DriverID, old.ID))
}
