package door

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCall measures what the door adds to a call: one caller on one
// connection, and an engine that answers at once, both as thin as they can be.
// cpu-us/op is of the whole process, so the door costs the difference.
func BenchmarkCall(b *testing.B) {
	engine := thinEngine(b)
	d, address := open(b, "http://"+engine)
	_ = d
	for _, size := range []int{400, 16 << 10} {
		for name, at := range map[string]string{"direct": engine, "door": address} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) { thinCaller(b, at, size) })
		}
	}
}

func BenchmarkNames(b *testing.B) {
	for _, size := range []int{400, 16 << 10} {
		body := []byte(put(size))
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if n, ok := namesIn(body); !ok || len(n.tables) != 1 {
					b.Fatal(n)
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

func thinCaller(b *testing.B, address string, size int) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	body := put(size)
	request := []byte("POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Type: application/x-amz-json-1.0\r\n" +
		"User-Agent: aws-sdk-go-v2/1.41.1 ua/2.1 os/linux lang/go#1.26.0 md/GOOS#linux md/GOARCH#arm64 api/dynamodb#1.55.0 m/E\r\n" +
		"Amz-Sdk-Invocation-Id: 5b1ed4d4-76a6-4a73-a8fd-4cd7ef0c8c35\r\nAmz-Sdk-Request: attempt=1; max=3\r\nAccept-Encoding: identity\r\n" +
		"X-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=LOCALrapportNotesEditFunction/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body)
	in := bufio.NewReader(conn)
	before := cpu(b)
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		if n := readThrough(b, in); n != len(thinAnswer) {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
}

func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

const thinAnswer = `{"ConsumedCapacity":{"TableName":"rapport-Log","CapacityUnits":1.0}}`

// readThrough reads one message and gives the length of its body.
func readThrough(tb testing.TB, in *bufio.Reader) int {
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return -1
		}
		if len(line) <= 2 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && strings.EqualFold(string(name), "Content-Length") {
			if _, err := fmt.Sscan(string(value), &length); err != nil {
				tb.Error(err)
			}
		}
	}
	if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
		tb.Error(err)
	}
	return length
}

func thinEngine(tb testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amzn-Requestid: 5b1ed4d4\r\nX-Amz-Crc32: 1\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(thinAnswer)) + thinAnswer)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for readThrough(tb, in) >= 0 {
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
