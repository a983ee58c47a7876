package bookings

import (
	"time"

	"example.com/fleet/internal/clock"
	"example.com/fleet/internal/domain"
)

// Notify tells somebody something.
type Notify func(whom, what string) error

// Service is what can be done with bookings.
type Service struct {
	store  *Store
	notify Notify
}

// NewService returns a service on a store.
func NewService(store *Store, notify Notify) *Service {
	return &Service{store: store, notify: notify}
}

// Confirm makes a booking firm unless the vehicle is taken, and has the driver told. Nobody waits for the telling.
func (s *Service) Confirm(id string) (Booking, error) {
	booking, err := s.store.Get(id)
	if err != nil {
		return Booking{}, err
	}
	others, err := s.store.ListByVehicleID(booking.VehicleID)
	if err != nil {
		return Booking{}, err
	}
	for _, other := range others {
		if other.ID != id && other.State == Confirmed && other.From.Before(booking.To) && booking.From.Before(other.To) {
			return Booking{}, domain.Invalid("the vehicle is taken until %s", other.To.Format(time.RFC3339))
		}
	}
	booking.State = Confirmed
	if err := s.store.Put(booking); err != nil {
		return Booking{}, err
	}
	go s.tell(booking)
	return booking, nil
}

// tell outlives the request that it comes from.
func (s *Service) tell(booking Booking) {
	s.notify(booking.DriverID, "booking "+booking.ID+" is confirmed")
}

// Days returns how many days a booking is charged for.
func Days(booking Booking) int {
	return clock.Days(booking.From, booking.To) + 1
}

// Confirmed is the state of a booking that is firm.
const Confirmed = "confirmed"
