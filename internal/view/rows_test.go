package view

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestRowsSayWhatIsUnusual(t *testing.T) {
	rows := []Row{{Name: "api", Status: "online", CPU: 2.1, Mem: "45M", Uptime: "2d"},
		{Name: "my web", Status: "online", Mem: "3.9M", Uptime: "1.5s", Restarts: 2, URL: "http://localhost:3000", Health: "unhealthy"},
		{Name: "job", Status: "errored", Restarts: 16}, {Name: "new", Status: "starting", Mem: "1M", Uptime: "20ms"}}
	want := "name cpu% mem uptime; online unless said\napi 2 45M 2d\n\"my web\" 0 3M 1s restarts=2 http://localhost:3000 unhealthy\njob - errored restarts=16\nnew 0 1M 20ms starting"
	if got := Brief(rows, true, "--all"); got != want {
		t.Errorf("got:\n%s", got)
	}
	var many []Row
	for range 20 {
		many = append(many, rows[0])
	}
	if got := Brief(append(many, rows[2]), false, "--all"); !strings.HasPrefix(got, "name cpu% mem uptime; online unless said\njob - errored") || !strings.Contains(got, "20 online and quiet") {
		t.Errorf("got:\n%s", got)
	}
}

func TestAnswersOfAgentsAsRows(t *testing.T) {
	for name, c := range map[string]struct{ json, want string }{
		"a list":              {`[{"n":"api","s":"on","c":2.1,"m":"45M"},{"n":"bad","s":"err","r":16}]`, "n s c m r\napi on 2.1 45M -\nbad err - - 16\n"},
		"blanks go last":      {`[{"t":1,"m":"two words","l":"E"},{"t":2,"m":"one"}]`, "t l m\n1 E two words\n2 - one\n"},
		"two with blanks":     {`[{"a":"x y","b":"p q"}]`, "a b\n\"x y\" p q\n"},
		"what could mislead":  {`[{"m":"a\nb c"},{"m":""},{"m":" x y "},{"m":"\"q\" r"}]`, "m\n\"a\\nb c\"\n\"\"\n\" x y \"\n\"\\\"q\\\" r\"\n"},
		"a dash is no blank":  {`[{"a":"-","b":1}]`, "a b\n\"-\" 1\n"},
		"an object":           {`{"n":"api","cmd":"node a.js","error":{"code":"denied","hints":["ask first"]},"ok":true,"none":null,"pids":[1,2]}`, "n api\ncmd node a.js\nerror.code denied\nok true\nnone null\npids [1,2]\nerror.hints:\nask first\n"},
		"objects in it":       {`{"n":1,"rows":[{"a":1},{"b":"x y"}]}`, "n 1\nrows:\na b\n1 -\n- x y\n"},
		"columns as they are": {`{"cols":["port","app"],"rows":[[80,"web"],[81,"api"]],"more":2}`, "more 2\nrows:\nport app\n80 web\n81 api\n"},
		"nothing":             {`[]`, "none\n"},
		"no JSON":             {`name cpu% mem`, "name cpu% mem\n"},
		"nested":              {`[{"a":{"b":[1,"x"]}}]`, "a\n{b:[1,x]}\n"},
	} {
		var b bytes.Buffer
		io.WriteString(NewRows(&b, false), c.json+"\n")
		if got := b.String(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestAStreamIsOneTable(t *testing.T) {
	var b bytes.Buffer
	r := NewRows(&b, true)
	for _, part := range []string{"{\"t\":1,", "\"m\":\"a b\"}\n{\"t\":2,\"m\":\"c\"}\n{\"t\":3,\"l\":\"E\",\"m\":\"d\"}\n"} {
		io.WriteString(r, part)
	}
	if got, want := b.String(), "t m\n1 a b\n2 c\nt l m\n3 E d\n"; got != want {
		t.Errorf("got\n%s", got)
	}
}
