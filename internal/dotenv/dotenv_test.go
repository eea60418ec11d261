package dotenv

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

func TestValuesAreReadAsPopularFilesWriteThem(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "A=b", "b"},
		{"empty", "A=", ""},
		{"empty and a line after it", "A=\nB=c", ""},
		{"blanks around", "  A =  b c \t", "b c"},
		{"export", "export A=b", "b"},
		{"export with several blanks", "export \t A=b", "b"},
		{"comment after a blank", "A=b # c", "b"},
		{"comment after a tab", "A=b\t#c", "b"},
		{"comment only", "A= # c", ""},
		{"hash inside", "A=b#c", "b#c"},
		{"hash first", "A=#fff", "#fff"},
		{"hash inside, then a comment", "A=http://x/#top # home", "http://x/#top"},
		{"equals inside", "A=b=c==", "b=c=="},
		{"quote inside", `A=it's`, "it's"},
		{"single quotes", `A='b $C \n # "d"'`, `b $C \n # "d"`},
		{"backticks", "A=`it's \"b\"`", `it's "b"`},
		{"double quotes", `A="b\n\t\r\"\\\$C\d"`, "b\n\t\r\"\\$C\\d"},
		{"comment after quotes", `A="b" # c`, "b"},
		{"comment right after quotes", `A='b'#c`, "b"},
		{"empty quotes", `A=""`, ""},
		{"blanks in quotes", `A="  b "`, "  b "},
		{"several lines in quotes", "A=\"b\n# not a comment\nc\"", "b\n# not a comment\nc"},
		{"several lines in single quotes", "A='b\nc'\n", "b\nc"},
		{"no interpolation", "B=1\nA=$B${B}", "$B${B}"},
		{"CRLF", "A=b\r\nB=c\r\n", "b"},
		{"CRLF in quotes", "A=\"b\r\nc\"\r\n", "b\nc"},
		{"carriage return at the end of the file", "A=b\r", "b"},
		{"BOM", "\xef\xbb\xbfA=b", "b"},
		{"last wins", "A=1\nA=b", "b"},
		{"not UTF-8", "A=\xff\xfe", "\xff\xfe"},
		{"comments and empty lines", "# x\n\n   \n  # y\nA=b", "b"},
	} {
		vars, err := Parse([]byte(c.text))
		if err != nil || vars["A"] != c.want {
			t.Errorf("%s: %q gave %q, %v; want %q", c.name, c.text, vars["A"], err, c.want)
		}
	}
}

func TestNamesMayHaveDotsAndDashesAndBeCalledExport(t *testing.T) {
	got, err := Parse([]byte("a.b-c_1=1\nexport=2\nexport export=3\n_=4"))
	want := map[string]string{"a.b-c_1": "1", "export": "3", "_": "4"}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestAFaultNamesItsLineAndKeepsTheTextSecret(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no equals", "A=1\n\nsk-live-hunter2", "line 3: this is not NAME=value"},
		{"digit first", "1hunter2=2", "line 1: the name before ="},
		{"no name", "=hunter2", "line 1: the name before ="},
		{"blank in the name", "A hunter2=1", "line 1: this is not NAME=value"},
		{"open quote", "B=1\nA=\"hunter2\n\n", "line 2: the quote that opens here is never closed"},
		{"open quote with a backslash", `A="hunter2\`, "line 1: the quote"},
		{"text after the quote", "A='x\ny' hunter2", "line 2: there is text after the closing quote"},
		{"the line after several in quotes", "A='x\ny'\n!hunter2", "line 3: the name before ="},
		{"NUL", "A=hunter2\x00", "line 1: the value of A has a NUL byte"},
		{"CRLF counts once", "A=1\r\nB=2\r\nhunter2", "line 3: "},
	} {
		vars, err := Parse([]byte(c.text))
		if err == nil || vars != nil || !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%s: got %v, %v; want an error with code invalid", c.name, vars, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %q; want %q and nothing of the text", c.name, err, c.want)
		}
	}
}

// quote writes a value so that Parse must give it back.
func quote(v string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return `"` + r.Replace(v) + `"`
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"A=b", "export A='b\nc' # d", "A=\"\\n\\", "\xef\xbb\xbf#\r\nA=`", "A\x00=b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		vars, err := Parse(b)
		if err != nil {
			if vars != nil || !errors.Is(err, velos.ErrInvalid) {
				t.Fatalf("got %v beside %v", vars, err)
			}
			return
		}
		var text strings.Builder
		for k, v := range vars {
			if k == "" || strings.ContainsAny(k, "=\x00\n ") || strings.Contains(v, "\x00") {
				t.Fatalf("%q=%q cannot be in an environment", k, v)
			}
			text.WriteString("export " + k + " = " + quote(v) + " # x\r\n")
		}
		again, err := Parse([]byte(text.String()))
		if err != nil || !cmp.Equal(vars, again) {
			t.Fatalf("%q written again as %q is %q, %v", vars, text.String(), again, err)
		}
	})
}
