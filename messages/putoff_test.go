package messages

import (
	"testing"
	"time"
)

func TestPutOffTooFar(t *testing.T) {
	t.Parallel()
	accepted := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	const says = ", more than 366 days ahead; requests are kept waiting for at most that long: check the year, or send it later"
	for name, test := range map[string]struct{ data, want string }{
		"none":       {`{"name":"a"}`, ""},
		"tonight":    {`{"options":{"not_before":"2026-11-22T22:00:00Z"}}`, ""},
		"the_last":   {`{"options":{"not_before":"2027-11-23T09:00:00+01:00"}}`, ""},
		"too_far":    {`{"options":{"not_before":"2027-11-23T08:00:01Z"}}`, `options.not_before: is "2027-11-23T08:00:01Z"` + says},
		"escaped":    {`{"options":{"not\u005fbefore":"9999-12-31T00:00:00Z"}}`, `options.not_before: is "9999-12-31T00:00:00Z"` + says},
		"unreadable": {`{"options":{"not_before":"in 2062"}}`, ""},
		"other_type": {`{"options":{"not_before":2062}}`, ""},
		"of_a_step": {
			`{"options":{"on_success":[{"operation":"tag-image"},{"operation":"copy-image","options":{"on_success":[{"options":{"not_before":"2062-11-22T22:00:00Z"}}]}}]}}`,
			`options.on_success[1].options.on_success[0].options.not_before: is "2062-11-22T22:00:00Z"` + says,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if ps := PutOffTooFar([]byte(test.data), accepted); len(ps) > 0 {
				got = ps.Error()
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
