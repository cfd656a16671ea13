package runner

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rapport/rapport/infra/local/faults"
)

// newFaults makes the injector that FAULTS asks for; nil for none.
func (r *Runner) newFaults() (*faults.Injector, error) {
	settings, err := faultSettings(r.config.Faults)
	if err != nil {
		return nil, err
	}
	injector := faults.New(settings, r.log)
	if injector != nil {
		r.log.Info("faults are injected", "faults", settings.String())
	}
	return injector, nil
}

func faultSettings(text string) (faults.Settings, error) {
	settings, err := faults.Parse(text)
	if err != nil {
		return settings, fmt.Errorf("environment: FAULTS: %w", err)
	}
	return settings, nil
}

// injected counts faults. It implements prometheus.Collector.
type injected struct{ *faults.Injector }

func faultColumn() column[int64] {
	return counter("rapport_faults_total", "Faults that FAULTS asked for, and that were injected.", []string{"kind"},
		func(n int64) float64 { return float64(n) })
}

// Describe implements prometheus.Collector.
func (i injected) Describe(out chan<- *prometheus.Desc) { out <- faultColumn().desc }

// Collect implements prometheus.Collector.
func (i injected) Collect(out chan<- prometheus.Metric) {
	for kind, n := range i.Snapshot() {
		faultColumn().collect(out, n, string(kind))
	}
}
