package drivers

import (
	"time"

	"example.com/fleet/internal/domain"
)

// Service is what can be done with drivers.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Fit returns a driver who may drive at a moment.
func (s *Service) Fit(id string, at time.Time) (Driver, error) {
	driver, err := s.store.Get(id)
	if err != nil {
		return Driver{}, err
	}
	if !at.Before(driver.LicensedUntil) {
		return Driver{}, domain.Invalid("the license of %s has run out", driver.Name)
	}
	if driver.Points >= mostPoints {
		return Driver{}, domain.Invalid("%s has %d points", driver.Name, driver.Points)
	}
	return driver, nil
}

// AddPoints counts points that an authority has given.
func (s *Service) AddPoints(id string, points int) (Driver, error) {
	if points <= 0 {
		return Driver{}, domain.Invalid("points are counted up")
	}
	driver, err := s.store.Get(id)
	if err != nil {
		return Driver{}, err
	}
	driver.Points += points
	if err := s.store.Put(driver); err != nil {
		return Driver{}, err
	}
	return driver, nil
}

const mostPoints = 8
