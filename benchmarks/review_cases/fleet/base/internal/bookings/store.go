package bookings

import (
	"encoding/json"

	"example.com/fleet/internal/kv"
)

const (
	bucket      = "bookings"
	byVehicleID = "bookings-by-vehicle-id"
)

// Store keeps bookings in a key-value store, and finds them by vehicle id.
type Store struct {
	kv *kv.Store
}

// NewStore returns a store on top of another one.
func NewStore(kv *kv.Store) *Store {
	return &Store{kv: kv}
}

// Get returns a booking. The error is kv.ErrNotFound when there is none.
func (s *Store) Get(id string) (Booking, error) {
	var booking Booking
	data, err := s.kv.Get(bucket, id)
	if err != nil {
		return Booking{}, err
	}
	if err := json.Unmarshal(data, &booking); err != nil {
		return Booking{}, err
	}
	return booking, nil
}

// Put stores a booking, in place of one with the same id.
func (s *Store) Put(booking Booking) error {
	if err := booking.Validate(); err != nil {
		return err
	}
	if err := s.unindex(booking.ID); err != nil {
		return err
	}
	data, err := json.Marshal(booking)
	if err != nil {
		return err
	}
	if err := s.kv.Put(bucket, booking.ID, data); err != nil {
		return err
	}
	return s.kv.Put(byVehicleID, kv.Join(booking.VehicleID, booking.ID), nil)
}

// Delete removes a booking; one that isn't there is as good as removed.
func (s *Store) Delete(id string) error {
	if err := s.unindex(id); err != nil {
		return err
	}
	return s.kv.Delete(bucket, id)
}

// ListByVehicleID returns the bookings of one vehicle, by id.
func (s *Store) ListByVehicleID(vehicleID string) ([]Booking, error) {
	keys, err := s.kv.Keys(byVehicleID, kv.Join(vehicleID, ""))
	if err != nil {
		return nil, err
	}
	found := make([]Booking, 0, len(keys))
	for _, key := range keys {
		booking, err := s.Get(kv.Last(key))
		if err != nil {
			return nil, err
		}
		found = append(found, booking)
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
