package insurances

import (
	"time"

	"example.com/fleet/internal/clock"
	"example.com/fleet/internal/domain"
)

// Service is what can be done with policys.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Covering returns the policy of a vehicle that holds at a moment; its last moment is the one before Until.
func (s *Service) Covering(vehicleID string, at time.Time) (Policy, error) {
	there, err := s.store.ListByVehicleID(vehicleID)
	if err != nil {
		return Policy{}, err
	}
	for _, policy := range there {
		if !at.Before(policy.From) && at.Before(policy.Until) {
			return policy, nil
		}
	}
	return Policy{}, domain.Invalid("vehicle %s is not insured", vehicleID)
}

// InsuredDays returns on how many days of a policy's term a vehicle was covered, the last one included.
func InsuredDays(policy Policy) int {
	return clock.Days(policy.From, policy.Until.Add(-time.Second)) + 1
}

// Cost returns what the holder pays of a damage, in cents.
func Cost(policy Policy, damage int) int {
	if damage < policy.Deductible {
		return damage
	}
	return policy.Deductible
}
