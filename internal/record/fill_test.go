package record

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/velospm/velos"
)

// nouns are all Records of the root package.
func nouns() []velos.Record {
	return []velos.Record{
		new(velos.Spec), new(velos.Usage), new(velos.Exit), new(velos.Instance), new(velos.LogInfo), new(velos.App),
		new(velos.Actor), new(velos.Event), new(velos.Entry), new(velos.Query), new(velos.Error),
	}
}

// filled is a copy of r in which every exported field has a value of its own.
func filled(t *testing.T, r velos.Record) velos.Record {
	t.Helper()
	v := reflect.New(reflect.TypeOf(r).Elem())
	n := 1
	fill(t, v.Elem(), &n)
	return v.Interface().(velos.Record)
}

func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.25)
	case reflect.String:
		v.SetString("text " + strconv.Itoa(*n))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": strconv.Itoa(*n), "a": "é\n"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Cause" {
				fill(t, v.Field(i), n)
			}
		}
	default:
		t.Fatalf("a field of kind %v: say here how to fill it", v.Kind())
	}
}
