package tariffs

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket  = "tariffs"
	byClass = "tariffs-by-class"
)

// Store keeps tariffs in a key-value store, and finds them by class.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a tariff. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Tariff, error) {
	var tariff Tariff
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Tariff{}, err
	}
	if err := json.Unmarshal(data, &tariff); err != nil {
		return Tariff{}, err
	}
	return tariff, nil
}

// Put stores a tariff, in place of one with the same id.
func (s *Store) Put(tariff Tariff) error {
	if err := tariff.Validate(); err != nil {
		return err
	}
	if err := s.unindex(tariff.ID); err != nil {
		return err
	}
	data, err := json.Marshal(tariff)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, tariff.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byClass, kv.Join(tariff.Class, tariff.ID), nil)
}

// Delete removes a tariff; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByClass returns the tariffs of one class, by id.
func (s *Store) ListByClass(class string) ([]Tariff, error) {
	keys, err := s.kv.Keys(byClass, kv.Join(class, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Tariff, 0, len(keys))
	for _, key := range keys {
		tariff, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, tariff)
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
	return s.kv.Delete(byClass, kv.Join(old.Class, old.ID))
}
