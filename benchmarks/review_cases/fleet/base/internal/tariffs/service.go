package tariffs

import (
	"example.com/fleet/internal/kv"
)

// Service is what can be done with tariffs.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Price returns what so many days and kilometres cost, in cents.
func (s *Service) Price(id string, days, km int) (int, error) {
	tariff, err := s.store.Get(id)
	if err != nil {
		return 0, err
	}
	charged := km - tariff.FreeKm*days
	if charged < 0 {
		charged = 0
	}
	return days*tariff.PerDay + charged*tariff.PerKm, nil
}

// PriceOr prices by a tariff, or by another one when there is no such tariff any more.
func (s *Service) PriceOr(id, otherwise string, days, km int) (int, error) {
	price, err := s.Price(id, days, km)
	if err == kv.ErrNotFound {
		return s.Price(otherwise, days, km)
	}
	return price, err
}

// Cheapest returns the tariff of a class that costs least for so many days and kilometres.
func (s *Service) Cheapest(class string, days, km int) (Tariff, error) {
	there, err := s.store.ListByClass(class)
	if err != nil {
		return Tariff{}, err
	}
	var cheapest Tariff
	lowest := -1
	for _, tariff := range there {
		price, err := s.Price(tariff.ID, days, km)
		if err != nil {
			return Tariff{}, err
		}
		if lowest < 0 || price < lowest {
			cheapest, lowest = tariff, price
		}
	}
	return cheapest, nil
}
