package fines

// Service is what can be done with fines.
type Service struct {
	store *Store
}

// NewService returns a service on a store.
func NewService(store *Store) *Service {
	return &Service{store: store}
}

// Open returns what a driver has to pay, in cents.
func (s *Service) Open(driverID string) (int, error) {
	there, err := s.store.ListByDriverID(driverID)
	if err != nil {
		return 0, err
	}
	open := 0
	for _, fine := range there {
		if !fine.Paid {
			open += fine.Amount
		}
	}
	return open, nil
}

// Pay takes down that a fine was paid; the second time nothing happens.
func (s *Service) Pay(id string) (Fine, error) {
	fine, err := s.store.Get(id)
	if err != nil {
		return Fine{}, err
	}
	if fine.Paid {
		return fine, nil
	}
	fine.Paid = true
	if err := s.store.Put(fine); err != nil {
		return Fine{}, err
	}
	return fine, nil
}
