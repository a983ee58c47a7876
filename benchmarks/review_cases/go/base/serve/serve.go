// Package serve answers clients from the index and the store.
package serve

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"example.com/mirror/blob"
	"example.com/mirror/index"
)

// Handler answers /NAME/latest, /NAME/versions and /blob/DIGEST.
type Handler struct {
	Index *index.Index
	Store *blob.Store
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 2 {
		http.NotFound(w, r)
		return
	}
	switch {
	case parts[0] == "blob":
		h.blob(w, r, parts[1])
	case parts[1] == "latest":
		h.latest(w, r, parts[0])
	case parts[1] == "versions":
		h.versions(w, parts[0])
	default:
		http.NotFound(w, r)
	}
}

func (h *Handler) latest(w http.ResponseWriter, r *http.Request, name string) {
	versions := h.Index.Versions(name)
	if len(versions) == 0 {
		http.NotFound(w, r)
		return
	}
	writeJSON(w, versions[0])
}

func (h *Handler) versions(w http.ResponseWriter, name string) {
	names := []string{}
	for _, e := range h.Index.Versions(name) {
		names = append(names, e.Version)
	}
	writeJSON(w, names)
}

func (h *Handler) blob(w http.ResponseWriter, r *http.Request, digest string) {
	if len(digest) != 64 || !h.Store.Has(digest) {
		http.NotFound(w, r)
		return
	}
	content, err := h.Store.Get(digest)
	if err != nil {
		http.Error(w, "could not be read", http.StatusInternalServerError)
		return
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	io.Copy(w, content)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}
