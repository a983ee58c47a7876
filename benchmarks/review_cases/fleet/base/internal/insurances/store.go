package insurances

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket      = "insurances"
	byVehicleID = "insurances-by-vehicle-id"
)

// Store keeps policys in a key-value store, and finds them by vehicle id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a policy. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Policy, error) {
	var policy Policy
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Policy{}, err
	}
	if err := json.Unmarshal(data, &policy); err != nil {
		return Policy{}, err
	}
	return policy, nil
}

// Put stores a policy, in place of one with the same id.
func (s *Store) Put(policy Policy) error {
	if err := policy.Validate(); err != nil {
		return err
	}
	if err := s.unindex(policy.ID); err != nil {
		return err
	}
	data, err := json.Marshal(policy)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, policy.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byVehicleID, kv.Join(policy.VehicleID, policy.ID), nil)
}

// Delete removes a policy; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByVehicleID returns the policys of one vehicle, by id.
func (s *Store) ListByVehicleID(vehicleID string) ([]Policy, error) {
	keys, err := s.kv.Keys(byVehicleID, kv.Join(vehicleID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Policy, 0, len(keys))
	for _, key := range keys {
		policy, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, policy)
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
	return s.kv.Delete(byVehicleID, kv.Join(old.VehicleID, old.ID))
}
