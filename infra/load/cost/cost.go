// Package cost estimates what AWS would charge for what a run was counted to
// do. It knows prices and arithmetic, nothing of how the counts were made.
package cost

// Counts are what a run did in its measured time.
type Counts struct {
	// MeetingHours are meetings times hours.
	MeetingHours float64 `json:"meetingHours"`
	// Requests are calls of the HTTP API, each within 512 KB.
	Requests float64 `json:"requests"`
	// Messages are WebSocket messages either way, in units of 32 KB;
	// ConnectionMinutes are sockets times minutes.
	Messages          float64 `json:"messages"`
	ConnectionMinutes float64 `json:"connectionMinutes"`
	// Invocations of functions, and GBSeconds: the sum of each one's duration,
	// rounded up to a millisecond, times its memory.
	Invocations float64 `json:"invocations"`
	GBSeconds   float64 `json:"gbSeconds"`
	// WriteUnits and ReadUnits are request units of the tables.
	WriteUnits float64 `json:"writeUnits"`
	ReadUnits  float64 `json:"readUnits"`
	// StreamReads are GetRecords calls by the stream readers.
	StreamReads float64 `json:"streamReads"`
	// BytesOut go to clients, LogBytes to the logs.
	BytesOut float64 `json:"bytesOut"`
	LogBytes float64 `json:"logBytes"`
}

// Line is one part of the bill for 1,000 meeting-hours.
type Line struct {
	Service string `json:"service"`
	Item    string `json:"item"`
	// Quantity is in Unit, Price in US dollars for Per units.
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	Price    float64 `json:"price"`
	Per      float64 `json:"per"`
	// Dollars is the line's sum, Share its part of all.
	Dollars float64 `json:"dollars"`
	Share   float64 `json:"share"`
	Source  string  `json:"source"`
}

// Estimate is the bill for 1,000 meeting-hours like those of the run.
type Estimate struct {
	Region  string  `json:"region"`
	AsOf    string  `json:"asOf"`
	Lines   []Line  `json:"lines"`
	Dollars float64 `json:"dollars"`
}

// scale is what the estimate is for, in meeting-hours.
const scale = 1000

// PerThousandHours estimates the bill for 1,000 meeting-hours. Counts without
// meeting-hours give an empty one.
func PerThousandHours(c Counts) Estimate {
	e := Estimate{Region: region, AsOf: asOf}
	if c.MeetingHours <= 0 {
		return e
	}
	for _, p := range prices() {
		quantity := p.of(c) / c.MeetingHours * scale
		dollars := quantity / p.per * p.dollars
		e.Dollars += dollars
		e.Lines = append(e.Lines, Line{
			Service: p.service, Item: p.item, Quantity: quantity, Unit: p.unit,
			Price: p.dollars, Per: p.per, Dollars: dollars, Source: p.source,
		})
	}
	for i := range e.Lines {
		if e.Dollars > 0 {
			e.Lines[i].Share = e.Lines[i].Dollars / e.Dollars
		}
	}
	return e
}
