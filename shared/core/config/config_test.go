package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/config"
)

type settings struct {
	Name  string        `env:"NAME,required"`
	Key   string        `env:"KEY,notEmpty"`
	Count int           `env:"COUNT" envDefault:"3"`
	Wait  time.Duration `env:"WAIT"`
	Inner struct {
		Region string `env:"REGION,required"`
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := config.Parse[settings](config.Env{"NAME": "n", "KEY": "k", "WAIT": "2s", "REGION": "r", "OTHER": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "n" || got.Key != "k" || got.Count != 3 || got.Wait != 2*time.Second || got.Inner.Region != "r" {
		t.Errorf("got %+v", got)
	}
}

func TestParseNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := config.Parse[settings](config.Env{"KEY": "", "COUNT": "a secret", "WAIT": "soon"})
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{"NAME is missing", "KEY is empty", "REGION is missing", "Count is malformed", "Wait is malformed"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "soon") {
		t.Errorf("a value is told: %v", err)
	}
}

// A function's environment is its own: what the process has means nothing.
func TestParseIgnoresTheProcess(t *testing.T) {
	t.Setenv("NAME", "of the process")
	if _, err := config.Parse[settings](config.Env{"KEY": "k", "REGION": "r"}); err == nil {
		t.Error("NAME was taken from the process")
	}
	if got := config.Process()["NAME"]; got != "of the process" {
		t.Errorf("the process's NAME is %q", got)
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	env := config.Env{"A": "1", "B": "2"}
	with := env.With(config.Env{"B": "3", "C": "4"})
	if env["B"] != "2" || env["C"] != "" || with["A"] != "1" || with["B"] != "3" || with["C"] != "4" {
		t.Errorf("%v with more is %v", env, with)
	}
	if got := (config.Env)(nil).With(config.Env{"A": "1"}); got["A"] != "1" {
		t.Errorf("nothing with A is %v", got)
	}
}
