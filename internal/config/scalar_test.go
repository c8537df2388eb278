package config_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/config"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "500ms": 500 * time.Millisecond, "1m30s": 90 * time.Second, "365d": 365 * 24 * time.Hour,
		"1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "2d0.5s": 48*time.Hour + 500*time.Millisecond,
	} {
		if got, err := config.ParseDuration(text); err != nil || got.Std() != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "30", "-1s", "+1s", "1.5d", "1d-1h", "1d1d", "106752d", "9999999999999d", "106751d24h", "1 s", "1y"} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestDurationReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := config.Duration(rapid.Int64Range(0, math.MaxInt64-1).Draw(t, "d"))
		if got, err := config.ParseDuration(d.String()); err != nil || got != d {
			t.Fatalf("%s: %v, %v", d, got, err)
		}
	})
	if config.Forever.String() != "forever" {
		t.Errorf("%s", config.Forever)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]config.Size{
		"0B": 0, "512B": 512, "4MiB": 4 << 20, "512KB": 512_000, "1.5GiB": 3 << 29, "64 kib": 64 << 10, "2TB": 2e12,
	} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "4", "MiB", "-1B", "1.5B", "0.001KiB", "1XB", "1e3B", "9999999999999TiB", "1 MiB "} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestSizeReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := config.Size(rapid.Int64Range(0, 1<<49).Draw(t, "s") << rapid.IntRange(0, 10).Draw(t, "shift"))
		if got, err := config.ParseSize(s.String()); err != nil || got != s {
			t.Fatalf("%s: %v, %v", s, got, err)
		}
	})
}
