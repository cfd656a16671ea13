package door

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/local/template"
)

const enough = 30 * time.Second

func stack() *template.Stack {
	return &template.Stack{Region: "us-east-1", AccountID: "000000000000", Functions: []template.Function{
		{Folder: "notes/edit", Name: "rapport-Notes-EditFunction"},
	}}
}

// open gives a door before an engine, and its address.
func open(tb testing.TB, engine string, steps ...Step) (*Door, string) {
	tb.Helper()
	d, err := New(Options{Engine: engine, Stack: stack(), Steps: steps, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), enough)
		defer cancel()
		if err := d.Shutdown(ctx); err != nil {
			tb.Error(err)
		}
		if err := <-served; err != nil {
			tb.Error(err)
		}
	})
	return d, l.Addr().String()
}
