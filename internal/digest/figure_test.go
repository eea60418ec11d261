package digest

import "testing"

func TestRatesAreWrittenForPeople(t *testing.T) {
	for v, want := range map[float64]string{0.12345: "0.123", 12.34: "12.3", 999.6: "1000", 1000: "1000", 123456: "123456"} {
		if got := figure(v); got != want {
			t.Errorf("%v is written %s; want %s", v, got, want)
		}
	}
}
