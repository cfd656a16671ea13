package runner

import "fmt"

// Locked says that another runner has the data directory.
type Locked struct {
	Dir string
	PID string
}

func (e *Locked) Error() string {
	return fmt.Sprintf("another runner (process %s) is using %s: end it, or set DATA_DIR to another folder", e.PID, e.Dir)
}

// PortTaken says that a port can't be listened on.
type PortTaken struct {
	Address string
	// Variable is the environment variable that chooses another port.
	Variable string
	Err      error
}

func (e *PortTaken) Error() string {
	return fmt.Sprintf("can't listen on %s: %v; end what uses the port, or choose another with %s=...", e.Address, e.Err, e.Variable)
}

// Unwrap gives the system's error.
func (e *PortTaken) Unwrap() error { return e.Err }
