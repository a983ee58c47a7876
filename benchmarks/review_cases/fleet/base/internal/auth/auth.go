// Package auth knows what whoever asks may do.
package auth

import (
	"context"
	"errors"
	"net/http"
)

// Scope is something that one may do.
type Scope string

// What there is to be allowed.
const (
	Read  Scope = "read"
	Write Scope = "write"
)

// ErrForbidden says that one may not.
var ErrForbidden = errors.New("forbidden")

type scopesKey struct{}

// With returns a context of somebody who may do what is listed.
func With(ctx context.Context, scopes ...Scope) context.Context {
	return context.WithValue(ctx, scopesKey{}, scopes)
}

// Require returns ErrForbidden unless the request is of somebody who may do that.
func Require(r *http.Request, scope Scope) error {
	scopes, _ := r.Context().Value(scopesKey{}).([]Scope)
	for _, allowed := range scopes {
		if allowed == scope {
			return nil
		}
	}
	return ErrForbidden
}
