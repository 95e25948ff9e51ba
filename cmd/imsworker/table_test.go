package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/messages"
)

// sample is a table with every kind of column.
func sample(w io.Writer) {
	head(w, "KEY", spare("SINCE"), narrow("OPERATION"), "STATE", spare("EMPTY"), folded("DETAIL"))
	row(w, "byleiaei4ec2gvxadboooffytm", "2026-11-22 02:00:00Z", "copy-image-cross-region", toned{messages.StateFailed, bad}, "", "the cloud says 你好 and more words")
	row(w, "x", "2026-11-22 03:00:00Z", "copy-image", "succeeded", "", "image ea0d5dce-ddb2-4f6f-83e3-55da065347fd")
}

func TestTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		room int
		want string
	}{
		"as wide as it takes": {0, `
KEY                         SINCE                 OPERATION                STATE      EMPTY  DETAIL
byleiaei4ec2gvxadboooffytm  2026-11-22 02:00:00Z  copy-image-cross-region  failed     -      the cloud says 你好 and more words
x                           2026-11-22 03:00:00Z  copy-image               succeeded  -      image ea0d5dce-ddb2-4f6f-83e3-55da065347fd
`},
		"without what is empty": {110, `
KEY                         SINCE                 OPERATION                STATE      DETAIL
byleiaei4ec2gvxadboooffytm  2026-11-22 02:00:00Z  copy-image-cross-region  failed     the cloud says 你好 and
                                                                                      more words
x                           2026-11-22 03:00:00Z  copy-image               succeeded  image
                                                                                      ea0d5dce-ddb2-4f6f-83e3-55da065347fd
`},
		"80": {80, `
KEY                         OPERATION        STATE      DETAIL
byleiaei4ec2gvxadboooffytm  copy-image-cro…  failed     the cloud says 你好 and
                                                        more words
x                           copy-image       succeeded  image
                                                        ea0d5dce-ddb2-4f6f-83e3-55da065347fd
(no room for SINCE: -o wide)
`},
		"no room for anything": {20, `
KEY                         OPERATI…  STATE      DETAIL
byleiaei4ec2gvxadboooffytm  copy-im…  failed     the cloud says 你好 and more words
x                           copy-im…  succeeded  image ea0d5dce-ddb2-4f6f-83e3-55da065347fd
(no room for SINCE: -o wide)
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := laid(t, c.room, false, sample); "\n"+got != c.want {
				t.Errorf("got\n%s\nwant%s", got, c.want)
			}
		})
	}
}

func laid(t *testing.T, room int, paint bool, show func(io.Writer)) string {
	t.Helper()
	var b strings.Builder
	w := &table{out: &b, room: room, paint: paint}
	show(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTableKeepsKeys tries all widths: a key is never cut, and no line is longer than the room where there is enough for the least.
func TestTableKeepsKeys(t *testing.T) {
	t.Parallel()
	for room := 79; room < 160; room++ {
		out := laid(t, room, false, sample)
		for line := range strings.Lines(out) {
			if line = strings.TrimSuffix(line, "\n"); columns(line) > room && !strings.Contains(line, "ea0d5dce") {
				t.Errorf("room %d, line of %d: %q", room, columns(line), line)
			}
		}
		for _, whole := range []string{"byleiaei4ec2gvxadboooffytm", "ea0d5dce-ddb2-4f6f-83e3-55da065347fd", "succeeded"} {
			if !strings.Contains(out, whole) {
				t.Errorf("room %d: no %s in\n%s", room, whole, out)
			}
		}
	}
}

// TestTableOfPairs folds what a name has beside it, other than data to be copied; lines without cells pass.
func TestTableOfPairs(t *testing.T) {
	t.Parallel()
	got := laid(t, 40, false, func(w io.Writer) {
		row(w, "message", "a sentence that does not fit beside it")
		row(w, "data", asIs(`{"name":"a b c d e f g h i j k l m n o p q"}`))
		fmt.Fprint(w, "\na line that is as long as it wants to be, since nothing is beside it\n")
		fmt.Fprintf(w, "ok\tbroker\tconnected\nBAD\tclouds.yaml\tone\n\t\ttwo\nthe end")
	})
	want := `message  a sentence that does not fit
         beside it
data     {"name":"a b c d e f g h i j k l m n o p q"}

a line that is as long as it wants to be, since nothing is beside it
ok   broker       connected
BAD  clouds.yaml  one
                  two
the end
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestTableColours(t *testing.T) {
	t.Parallel()
	got := laid(t, 0, true, func(w io.Writer) {
		head(w, "STATE", "ID")
		row(w, toned{messages.StateFailed, stateTone("failed")}, "a")
		row(w, toned{"submitted", stateTone("submitted")}, "\x1b[31mb")
	})
	if want := "STATE      ID\n\x1b[31mfailed\x1b[0m     a\nsubmitted  \\x1b[31mb\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "abc": 3, "Größe": 5, "e\u0301": 1, "你好": 4, "🚀 x": 4, "…": 1, "─": 1, "ｱ": 1} {
		if got := columns(text); got != want {
			t.Errorf("%q takes %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]string{"你好你好": "你好…", "你a好你": "你a…", "abcde": "abcde", "abcdef": "abcd…", "": ""} {
		if got := cutTo(text, 5); got != want {
			t.Errorf("%q is cut to %q, want %q", text, got, want)
		}
	}
}
