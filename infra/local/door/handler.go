package door

import (
	"maps"
	"net/http"
)

// ServeHTTP answers table calls of programs that have a connection, as those of
// functions in this process. A call that is cut ends its connection.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{}
	if _, err := x.request.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody+1)); err != nil {
		panic(http.ErrAbortHandler)
	}
	answer := tooLarge()
	if x.request.Len() <= MaxBody {
		var err error
		if answer, err = d.handle(x, r); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.Status)
	// Whoever has left doesn't read the answer.
	_, _ = w.Write(answer.Body)
}

func tooLarge() Answer {
	return TableError(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request is larger than 16 MB")
}
