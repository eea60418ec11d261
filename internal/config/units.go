package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
)

var (
	errDuration = errors.New(`must be a length of time such as "5s", "1m30s" or "250ms"; a bare number is milliseconds`)
	errSize     = errors.New(`must be a size such as "150M", "1.5G" or "512k"; a bare number is bytes`)
)

// Duration reads "5s", "1m30s", "250ms", "2d"; a bare number is milliseconds.
// Fractions of a millisecond are cut off. A negative length is an error.
func Duration(s string) (velos.Millis, error) {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n < 0 {
			return 0, errors.New("must be 0 or more, not " + s)
		}
		return velos.Millis(n), nil
	}
	var days float64
	if i := strings.IndexByte(s, 'd'); i > 0 {
		v, err := strconv.ParseFloat(s[:i], 64)
		if err != nil || !(v >= 0 && v <= 36500) {
			return 0, errDuration
		}
		days, s = v, s[i+1:]
		if s == "" {
			s = "0s"
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return velos.MillisOf(d) + velos.Millis(days*24*60*60*1000), nil
}

// Size reads "150M", "1.5G", "512k", "10MiB"; units are powers of 1024, a bare
// number is bytes. A negative size is an error.
func Size(s string) (int64, error) {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	s = strings.TrimSuffix(strings.TrimSuffix(s, "b"), "i")
	if s == "" {
		return 0, errSize
	}
	shift := 0
	switch s[len(s)-1] {
	case 'k':
		shift = 10
	case 'm':
		shift = 20
	case 'g':
		shift = 30
	case 't':
		shift = 40
	}
	if shift > 0 {
		s = s[:len(s)-1]
	}
	if strings.ContainsAny(s, "xpinfa_") { // what ParseFloat knows beyond plain numbers
		return 0, errSize
	}
	v, err := strconv.ParseFloat(s, 64)
	v *= float64(int64(1) << shift)
	if err != nil || math.Signbit(v) || v >= math.MaxInt64 {
		return 0, errSize
	}
	return int64(v), nil
}
