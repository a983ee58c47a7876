package contracts

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket       = "contracts"
	byCustomerID = "contracts-by-customer-id"
)

// Store keeps contracts in a key-value store, and finds them by customer id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a contract. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Contract, error) {
	var contract Contract
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Contract{}, err
	}
	if err := json.Unmarshal(data, &contract); err != nil {
		return Contract{}, err
	}
	return contract, nil
}

// Put stores a contract, in place of one with the same id.
func (s *Store) Put(contract Contract) error {
	if err := contract.Validate(); err != nil {
		return err
	}
	if err := s.unindex(contract.ID); err != nil {
		return err
	}
	data, err := json.Marshal(contract)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, contract.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byCustomerID, kv.Join(contract.CustomerID, contract.ID), nil)
}

// Delete removes a contract; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByCustomerID returns the contracts of one customer, by id.
func (s *Store) ListByCustomerID(customerID string) ([]Contract, error) {
	keys, err := s.kv.Keys(byCustomerID, kv.Join(customerID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Contract, 0, len(keys))
	for _, key := range keys {
		contract, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, contract)
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
	return s.kv.Delete(byCustomerID, kv.Join(old.CustomerID, old.ID))
}
