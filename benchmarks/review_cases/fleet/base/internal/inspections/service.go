package inspections

import (
	"time"
)

// Service is what can be done with inspections.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Due returns when a vehicle has to be inspected again: at once if it never was, or did not pass.
func (s *Service) Due(vehicleID, kind string) (time.Time, error) {
	there, err := s.store.ListByVehicleID(vehicleID)
	if err != nil {
		return time.Time{}, err
	}
	var last Inspection
	for _, inspection := range there {
		if inspection.Kind == kind && inspection.Done.After(last.Done) {
			last = inspection
		}
	}
	if !last.Passed {
		return last.Done, nil
	}
	return last.Done.AddDate(0, 0, last.ValidDays), nil
}

// Overdue tells whether a vehicle may not be driven at a moment.
func (s *Service) Overdue(vehicleID, kind string, at time.Time) (bool, error) {
	due, err := s.Due(vehicleID, kind)
	if err != nil {
		return false, err
	}
	return !at.Before(due), nil
}
