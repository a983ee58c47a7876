// Package httpx writes answers.
package httpx

import (
	"encoding/json"
	"errors"
	"net/http"

	"example.com/fleet/internal/auth"
	"example.com/fleet/internal/domain"
	"example.com/fleet/internal/kv"
)

// MaxBody is how many bytes a request may have.
const MaxBody = 1 << 20

// BadRequest says that a request could not be read.
func BadRequest(err error) error {
	return domain.Invalid("the request could not be read: %v", err)
}

// JSON answers with a value.
func JSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// Error answers with the status that an error stands for.
func Error(w http.ResponseWriter, err error) {
	var invalid *domain.InvalidError
	switch {
	case errors.As(err, &invalid):
		http.Error(w, invalid.Error(), http.StatusUnprocessableEntity)
	case err == kv.ErrNotFound:
		http.Error(w, "not found", http.StatusNotFound)
	case err == auth.ErrForbidden:
		http.Error(w, "forbidden", http.StatusForbidden)
	default:
		http.Error(w, "something went wrong", http.StatusInternalServerError)
	}
}
