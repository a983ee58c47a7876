package keys

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Service is what can be done with keys.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Take hands a key out to somebody.
func (s *Service) Take(id, holder string, at time.Time) (Key, error) {
	if holder == "" {
		return Key{}, domain.Invalid("a key is handed to somebody")
	}
	key, err := s.store.Get(id)
	if err != nil {
		return Key{}, err
	}
	if key.Holder != "" {
		return Key{}, domain.Invalid("%s has the key since %s", key.Holder, key.Taken.Format(time.RFC3339))
	}
	key.Holder, key.Taken = holder, at
	if err := s.store.Put(key); err != nil {
		return Key{}, err
	}
	return key, nil
}

// Return takes a key back into its box.
func (s *Service) Return(id string) (Key, error) {
	key, err := s.store.Get(id)
	if err != nil {
		return Key{}, err
	}
	key.Holder, key.Taken = "", time.Time{}
	if err := s.store.Put(key); err != nil {
		return Key{}, err
	}
	return key, nil
}
