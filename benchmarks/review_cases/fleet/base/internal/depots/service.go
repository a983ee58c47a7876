package depots

import (
	"example.com/fleet/internal/domain"
)

// Service is what can be done with depots.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Open returns the depots of a city that are open at an hour of the day.
func (s *Service) Open(city string, hour int) ([]Depot, error) {
	if hour < 0 || hour > 23 {
		return nil, domain.Invalid("%d is no hour", hour)
	}
	there, err := s.store.ListByCity(city)
	if err != nil {
		return nil, err
	}
	var open []Depot
	for _, depot := range there {
		if depot.Opens <= hour && hour < depot.Closes {
			open = append(open, depot)
		}
	}
	return open, nil
}

// Resize changes how many vehicles a depot has room for.
func (s *Service) Resize(id string, places int) (Depot, error) {
	if places < 1 {
		return Depot{}, domain.Invalid("a depot has a place")
	}
	depot, err := s.store.Get(id)
	if err != nil {
		return Depot{}, err
	}
	depot.Places = places
	if err := s.store.Put(depot); err != nil {
		return Depot{}, err
	}
	return depot, nil
}
