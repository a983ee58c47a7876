package mileages

import (
	"sort"
)

// Service is what can be done with readings.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Driven returns how far a vehicle went between its first and its last reading.
func (s *Service) Driven(vehicleID string) (uint32, error) {
	there, err := s.store.ListByVehicleID(vehicleID)
	if err != nil {
		return 0, err
	}
	if len(there) < 2 {
		return 0, nil
	}
	sort.Slice(there, func(i, j int) bool { return there[i].At.Before(there[j].At) })
	var driven uint32
	for i := 1; i < len(there); i++ {
		// A new odometer begins at 0.
		if there[i].Km < there[i-1].Km {
			driven += there[i].Km
			continue
		}
		driven += there[i].Km - there[i-1].Km
	}
	return driven, nil
}

// Latest returns the last reading of a vehicle.
func (s *Service) Latest(vehicleID string) (Reading, error) {
	there, err := s.store.ListByVehicleID(vehicleID)
	if err != nil {
		return Reading{}, err
	}
	var latest Reading
	for _, reading := range there {
		if reading.At.After(latest.At) {
			latest = reading
		}
	}
	return latest, nil
}
