package config

import "testing"

func TestTextIsWrittenAsTOMLReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		"a\"b\\c\n\t": `"a\"b\\c\n\t"`,
		"\x1b":        `"\u001b"`,
		"\U000e0001":  `"\U000e0001"`, // more than \u can hold
	} {
		if got := quoted(text); got != want {
			t.Errorf("%q is written %s; want %s", text, got, want)
		}
	}
}
