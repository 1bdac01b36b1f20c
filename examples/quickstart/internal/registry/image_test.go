package registry_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/shorepass/shorepass/examples/quickstart/internal/registry"
)

// What people pin in one run is there in the next.
func TestImagesAreTheSameInEveryRun(t *testing.T) {
	first, err := registry.NewImage("hello.txt", "Hello.\n")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Millisecond)
	second, err := registry.NewImage("hello.txt", "Hello.\n")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Error("two images of the same content differ")
	}
}
