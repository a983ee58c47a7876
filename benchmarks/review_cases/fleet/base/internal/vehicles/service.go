package vehicles

import (
	"example.com/fleet/internal/domain"
)

// Service is what can be done with vehicles.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Move takes a vehicle to another depot.
func (s *Service) Move(id, depotID string) (Vehicle, error) {
	vehicle, err := s.store.Get(id)
	if err != nil {
		return Vehicle{}, err
	}
	if vehicle.Retired {
		return Vehicle{}, domain.Invalid("%s is retired", vehicle.Plate)
	}
	vehicle.DepotID = depotID
	if err := s.store.Put(vehicle); err != nil {
		return Vehicle{}, err
	}
	return vehicle, nil
}

// Largest returns the vehicle of a depot with the most seats that is still in use.
func (s *Service) Largest(depotID string) (Vehicle, error) {
	there, err := s.store.ListByDepotID(depotID)
	if err != nil {
		return Vehicle{}, err
	}
	var largest Vehicle
	for _, vehicle := range there {
		if !vehicle.Retired && vehicle.Seats > largest.Seats {
			largest = vehicle
		}
	}
	if largest.ID == "" {
		return Vehicle{}, domain.Invalid("no vehicle is left in depot %s", depotID)
	}
	return largest, nil
}
