package vehicles

import (
	"encoding/json"
	"net/http"
	"strings"

	"example.com/fleet/internal/auth"
	"example.com/fleet/internal/httpx"
)

// Handler answers /vehicles and /vehicles/ID.
type Handler struct {
	store *Store
}

// NewHandler returns a handler on a store.
func NewHandler(store *Store) *Handler {
	return &Handler{store: store}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/vehicles"), "/")
	switch r.Method {
	case http.MethodGet:
		h.get(w, r, id)
	case http.MethodPut:
		h.put(w, r, id)
	case http.MethodDelete:
		h.delete(w, r, id)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (h *Handler) get(w http.ResponseWriter, r *http.Request, id string) {
	if err := auth.Require(r, auth.Read); err != nil {
		httpx.Error(w, err)
		return
	}
	if id == "" {
		found, err := h.store.ListByDepotID(r.URL.Query().Get("depot_id"))
		if err != nil {
			httpx.Error(w, err)
			return
		}
		httpx.JSON(w, found)
		return
	}
	vehicle, err := h.store.Get(id)
	if err != nil {
		httpx.Error(w, err)
		return
	}
	httpx.JSON(w, vehicle)
}

func (h *Handler) put(w http.ResponseWriter, r *http.Request, id string) {
	if err := auth.Require(r, auth.Write); err != nil {
		httpx.Error(w, err)
		return
	}
	var vehicle Vehicle
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, httpx.MaxBody)).Decode(&vehicle); err != nil {
		httpx.Error(w, httpx.BadRequest(err))
		return
	}
	vehicle.ID = id
	if err := h.store.Put(vehicle); err != nil {
		httpx.Error(w, err)
		return
	}
	httpx.JSON(w, vehicle)
}

func (h *Handler) delete(w http.ResponseWriter, r *http.Request, id string) {
	if err := auth.Require(r, auth.Write); err != nil {
		httpx.Error(w, err)
		return
	}
	if err := h.store.Delete(id); err != nil {
		httpx.Error(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
