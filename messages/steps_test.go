package messages

import "testing"

// TestStepsOf: steps are found however their name is written, and data
// without them has none.
func TestStepsOf(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]int{
		`{}`: 0, ``: 0, `{"options":{}}`: 0, `{"name":"a\"b","options":{"deadline":"2h"}}`: 0,
		`{"name":"on_success"}`:                             0,
		`{"options":{"on_success":[{"operation":"x"},{}]}}`: 2,
		`{"options":{"on\u005fsuccess":[{}]}}`:              1,
		`{"options":{"on_success":7}}`:                      0,
	} {
		if got := StepsOf([]byte(data)); len(got) != want {
			t.Errorf("%s: %d steps, want %d", data, len(got), want)
		}
	}
}
