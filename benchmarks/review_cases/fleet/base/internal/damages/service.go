package damages

import (
	"example.com/fleet/internal/domain"
)

// Service is what can be done with damages.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Settle takes down what a repair has cost, in cents.
func (s *Service) Settle(id string, cost int) (Damage, error) {
	if cost < 0 {
		return Damage{}, domain.Invalid("a repair costs something or nothing")
	}
	damage, err := s.store.Get(id)
	if err != nil {
		return Damage{}, err
	}
	damage.Cost, damage.Settled = cost, true
	if err := s.store.Put(damage); err != nil {
		return Damage{}, err
	}
	return damage, nil
}

// Unsettled returns the damages of a vehicle that nobody has repaired, by part.
func (s *Service) Unsettled(vehicleID string) (map[string]int, error) {
	there, err := s.store.ListByVehicleID(vehicleID)
	if err != nil {
		return nil, err
	}
	parts := make(map[string]int)
	for _, damage := range there {
		if !damage.Settled {
			parts[damage.Part]++
		}
	}
	return parts, nil
}
