// Package domain has what all packages say alike.
package domain

import "fmt"

// InvalidError is something that can't be done as it was asked for.
type InvalidError struct {
	why string
}

func (e *InvalidError) Error() string {
	return e.why
}

// Invalid returns an InvalidError.
func Invalid(format string, args ...any) error {
	return &InvalidError{why: fmt.Sprintf(format, args...)}
}
