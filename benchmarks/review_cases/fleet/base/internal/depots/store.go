package depots

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket = "depots"
	byCity = "depots-by-city"
)

// Store keeps depots in a key-value store, and finds them by city.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a depot. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Depot, error) {
	var depot Depot
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Depot{}, err
	}
	if err := json.Unmarshal(data, &depot); err != nil {
		return Depot{}, err
	}
	return depot, nil
}

// Put stores a depot, in place of one with the same id.
func (s *Store) Put(depot Depot) error {
	if err := depot.Validate(); err != nil {
		return err
	}
	if err := s.unindex(depot.ID); err != nil {
		return err
	}
	data, err := json.Marshal(depot)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, depot.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byCity, kv.Join(depot.City, depot.ID), nil)
}

// Delete removes a depot; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByCity returns the depots of one city, by id.
func (s *Store) ListByCity(city string) ([]Depot, error) {
	keys, err := s.kv.Keys(byCity, kv.Join(city, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Depot, 0, len(keys))
	for _, key := range keys {
		depot, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, depot)
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
	return s.kv.Delete(byCity, kv.Join(old.City, old.ID))
}
