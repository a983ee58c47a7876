// Package check has one test for each bug, in the order of the labels.
package check

import (
	"context"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/fleet/internal/auth"
	"example.com/fleet/internal/bookings"
	"example.com/fleet/internal/contracts"
	"example.com/fleet/internal/damages"
	"example.com/fleet/internal/fines"
	"example.com/fleet/internal/fuelcards"
	"example.com/fleet/internal/kv"
	"example.com/fleet/internal/mileages"
	"example.com/fleet/internal/tariffs"
)

var (
	ctx = context.Background()
	day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func finesAreOneDriversOwn(t *testing.T) {
	s := fines.NewStore(kv.New())
	must(t, s.Put(ctx, fines.Fine{ID: "a", DriverID: "1", Amount: 10}))
	must(t, s.Put(ctx, fines.Fine{ID: "b", DriverID: "12", Amount: 10}))
	there, err := s.ListByDriverID(ctx, "1")
	must(t, err)
	if len(there) != 1 {
		t.Fatalf("%d fines, one of them another driver's", len(there))
	}
}

func whatCanNotBeReadIsNotStored(t *testing.T) {
	s := damages.NewStore(kv.New())
	body := `{"part": "door", "vehicle_id": "v", "cost": "much"}`
	r := httptest.NewRequest("PUT", "/damages/a", strings.NewReader(body))
	damages.NewHandler(s).ServeHTTP(httptest.NewRecorder(), r.WithContext(auth.With(ctx, auth.Write)))
	if _, err := s.Get(ctx, "a"); !kv.IsNotFound(err) {
		t.Fatal("a request that was refused is stored")
	}
}

func theDriverIsToldAfterTheRequest(t *testing.T) {
	s := bookings.NewStore(kv.New())
	must(t, s.Put(ctx, bookings.Booking{ID: "a", VehicleID: "v", From: day, To: day.Add(time.Hour)}))
	told := make(chan error, 1)
	request, end := context.WithCancel(ctx)
	service := bookings.NewService(s, func(ctx context.Context, whom, what string) error {
		<-request.Done()
		told <- ctx.Err()
		return nil
	})
	_, err := service.Confirm(request, "a")
	must(t, err)
	end()
	must(t, <-told)
}

func anotherTariffStepsIn(t *testing.T) {
	s := tariffs.NewStore(kv.New())
	must(t, s.Put(ctx, tariffs.Tariff{ID: "new", PerDay: 100}))
	price, err := tariffs.NewService(s).PriceOr(ctx, "old", "new", 2, 0)
	must(t, err)
	if price != 200 {
		t.Fatal(price)
	}
}

func aNewOdometerIsNoJourney(t *testing.T) {
	s := mileages.NewStore(kv.New())
	for i, km := range []uint32{100, 150, 30} {
		at := day.Add(time.Duration(i) * time.Hour)
		must(t, s.Put(ctx, mileages.Reading{ID: strconv.Itoa(i), VehicleID: "v", Km: km, At: at, Source: "app"}))
	}
	driven, err := mileages.NewService(s).Driven(ctx, "v")
	must(t, err)
	if driven != 80 {
		t.Fatalf("%d km", driven)
	}
}

func twoDaysAreTwoDays(t *testing.T) {
	s := contracts.NewStore(kv.New())
	must(t, s.Put(ctx, contracts.Contract{ID: "a", CustomerID: "c", From: day}))
	days, err := contracts.NewService(s).Close(ctx, "a", day.Add(24*time.Hour))
	must(t, err)
	if days != 2 {
		t.Fatalf("%d days are charged", days)
	}
}

func readersDeleteNothing(t *testing.T) {
	s := fuelcards.NewStore(kv.New())
	must(t, s.Put(ctx, fuelcards.Card{ID: "a", VehicleID: "v", Limit: 10}))
	r := httptest.NewRequest("DELETE", "/fuelcards/a", nil)
	fuelcards.NewHandler(s).ServeHTTP(httptest.NewRecorder(), r.WithContext(auth.With(ctx, auth.Read)))
	if _, err := s.Get(ctx, "a"); err != nil {
		t.Fatal("whoever may read deletes")
	}
}

func theStoreIsUnlockedAgain(t *testing.T) {
	s := kv.New()
	ended, end := context.WithCancel(ctx)
	end()
	s.Keys(ended, "b", "")
	done := make(chan struct{})
	go func() {
		s.Get(ctx, "b", "k")
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		t.Fatal("the store stays locked")
	}
}

func TestBug(t *testing.T) {
	number, err := strconv.Atoi(os.Getenv("CHECK"))
	must(t, err)
	[]func(*testing.T){
		finesAreOneDriversOwn,
		whatCanNotBeReadIsNotStored,
		theDriverIsToldAfterTheRequest,
		anotherTariffStepsIn,
		aNewOdometerIsNoJourney,
		twoDaysAreTwoDays,
		readersDeleteNothing,
		theStoreIsUnlockedAgain,
	}[number](t)
}
