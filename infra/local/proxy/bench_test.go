package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCall measures a call of a function from the SDK's request to its
// answer, with an engine that answers at once. cpu-us/op is of the whole process,
// the engine's side of the connection included.
func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, `{"ConsumedCapacity":{"TableName":"rapport-Log","CapacityUnits":1.0}}`)
	}))
	b.Cleanup(server.Close)
	tables := open(b, server.URL)
	for _, size := range []int{400, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			body := put(size)
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				response, err := tables.Do(request(b, "PutItem", body))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); errors.Join(err, response.Body.Close()) != nil || response.StatusCode != http.StatusOK {
					b.Fatal(response.Status, err)
				}
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

func BenchmarkActions(b *testing.B) {
	for _, size := range []int{400, 16 << 10} {
		body := []byte(put(size))
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := &Proxy{tables: "table/"}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if all := d.actions("PutItem", body); len(all) != 1 || !bytes.HasSuffix([]byte(all[0].Resource), []byte("rapport-Log")) {
					b.Fatal(all)
				}
			}
		})
	}
}

// put is a request to put an item with about size bytes of text.
func put(size int) string {
	return `{"Item":{"PK":{"S":"MEETING#01"},"SK":{"S":"E#0001"},"ops":{"S":"` + strings.Repeat("a", size) +
		`"}},"ConditionExpression":"attribute_not_exists(#0)","ExpressionAttributeNames":{"#0":"PK"},"ReturnConsumedCapacity":"TOTAL","TableName":"rapport-Log"}`
}

func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
