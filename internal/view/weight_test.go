package view

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"
)

func TestWeightIsAboutTheNumberOfTokens(t *testing.T) {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		most float64 // times as much as there are
	}{
		"a sentence":    {"Error: Cannot find module '@company/orders-persistence/dist/migrations' imported from /srv/orders/src/database/connect.js", 1.8},
		"a stack":       {"at async MigrationRunner.runPendingMigrationsWithinOneTransaction (src/database/migrations/add-index.ts:1184:23)", 1.6},
		"hexadecimal":   {strings.Repeat("7f3a9c04e1b8", 20), 2.2},
		"base64":        {"ZXhhbXBsZSBvZiBhIGxvbmcgdG9rZW4gd2l0aG91dCBtZWFuaW5nIGF0IGFsbA0KaGVyZSBpdCBpcw==", 2.2},
		"digits":        {"2026-11-28 07:24:42.123 1795860312000 4294967296", 2},
		"pointers":      {strings.Repeat("0x7f3a9c ", 20), 2},
		"Russian":       {"ошибка: соединение с базой данных прервано, повтор через пять секунд", 2.5},
		"Chinese":       {strings.Repeat("数据库连接失败", 10), 3},
		"pictures":      {strings.Repeat("🧨↯", 30), 4},
		"rare letters":  {strings.Repeat("ﷺ", 30), 4},
		"signs":         {`{"a":[1,{"b":"c"}],"d":{}}`, 2.5},
		"no words":      {"xkcdqzvb wrtplkjh gfdsmnbv zxcvqwrt", 2},
		"a line of one": {strings.Repeat("=", 80), 9},
	} {
		n, err := codec.Count(c.text)
		if err != nil {
			t.Fatal(err)
		}
		w := Weight(c.text)
		if float64(w) < 0.85*float64(n) || float64(w) > c.most*float64(n) {
			t.Errorf("%s: %d for %d tokens", name, w, n)
		}
		for most := range 40 {
			got := Fit(c.text, most+1)
			if !utf8.ValidString(got) || Weight(strings.TrimSuffix(got, "…")) > most+1 || got != c.text && !strings.HasSuffix(got, "…") {
				t.Errorf("%s cut to %d: %q", name, most+1, got)
			}
		}
		if got := Fit(c.text, w); got != c.text {
			t.Errorf("%s fits, and is cut: %q", name, got)
		}
	}
}
