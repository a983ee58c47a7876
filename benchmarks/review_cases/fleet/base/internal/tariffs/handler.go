package tariffs

import (
	"encoding/json"
	"net/http"
	"strings"

	"example.com/fleet/internal/auth"
	"example.com/fleet/internal/httpx"
)

// Handler answers /tariffs and /tariffs/ID.
type Handler struct {
	store *Store
}

// NewHandler returns a handler on a store.
func NewHandler(store *Store) *Handler {
	return &Handler{store: store}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/tariffs"), "/")
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
		found, err := h.store.ListByClass(r.URL.Query().Get("class"))
		if err != nil {
			httpx.Error(w, err)
			return
		}
		httpx.JSON(w, found)
		return
	}
	tariff, err := h.store.Get(id)
	if err != nil {
		httpx.Error(w, err)
		return
	}
	httpx.JSON(w, tariff)
}

func (h *Handler) put(w http.ResponseWriter, r *http.Request, id string) {
	if err := auth.Require(r, auth.Write); err != nil {
		httpx.Error(w, err)
		return
	}
	var tariff Tariff
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, httpx.MaxBody)).Decode(&tariff); err != nil {
		httpx.Error(w, httpx.BadRequest(err))
		return
	}
	tariff.ID = id
	if err := h.store.Put(tariff); err != nil {
		httpx.Error(w, err)
		return
	}
	httpx.JSON(w, tariff)
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
