package shard

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// shards reads a view: owner and weight of each shard, "a20 b30 -5".
func shards(members, text string) view {
	v := view{members: strings.Fields(members)}
	for word := range strings.FieldsSeq(text) {
		var weight int
		if _, err := fmt.Sscan(word[1:], &weight); err != nil {
			panic(err)
		}
		v.owners = append(v.owners, strings.Trim(word[:1], "-"))
		v.weights = append(v.weights, weight)
	}
	return v
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ members, shards, want string }{
		"alone":                         {"a", "-16 -16 -16", "a a a"},
		"evenly":                        {"a b c", "-16 -16 -16 -16 -16", "a b c a b"},
		"to who has room":               {"a b", "a500 -16 -16 -16", "a b b b"},
		"the heaviest first":            {"a b", "-10 -10 -100 -90", "b a a b"},
		"who is no member gets nothing": {"b", "a10 -10", "a b"},
		"nobody is there":               {"", "-10 -10", " "},
	} {
		if got := strings.Join(shards(c.members, c.shards).spread().owners, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestMoves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ members, shards, want string }{
		"even is left alone":              {"a b", "a16 a16 b16 b16", "[]"},
		"a newcomer gets its part":        {"a b", "a16 a16 a16 a16", "[{0 a b} {1 a b}]"},
		"one too many is moved":           {"a b", "a16 a16 a16 b16", "[{0 a b}]"},
		"fewer shards than members":       {"a b c", "a16 b16", "[]"},
		"two on one of three":             {"a b c", "a16 a16", "[{0 a b}]"},
		"by weight, not by number":        {"a b", "a300 b100 b100 b100", "[]"},
		"a giant stays, the rest goes":    {"a b", "a1000 a50 a50", "[{1 a b} {2 a b}]"},
		"a giant alone is not moved":      {"a b", "a1000 b16", "[]"},
		"small differences do not pay":    {"a b", "a100 a104 b100 b96", "[]"},
		"what would gain little stays":    {"a b", "a100 a1 b80", "[]"},
		"the third gets from both":        {"a b c", "a50 a50 b50 b50", "[{0 a c}]"},
		"who is no member keeps its own":  {"b c", "a500 a500 b16 c16", "[]"},
		"nobody is there":                 {"", "a10 a10", "[]"},
		"a heavy one goes to the lighter": {"a b", "a400 a300 b16 b16", "[{1 a b}]"},
	} {
		if got := fmt.Sprint(shards(c.members, c.shards).moves()); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// TestPlansEnd: whatever the loads are, a plan that is carried out leaves
// nothing that would be worth another one, and never makes things worse.
func TestPlansEnd(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		v := view{members: []string{"a", "b", "c", "d", "e"}[:1+chance.IntN(5)]}
		for range 1 + chance.IntN(40) {
			v.owners = append(v.owners, v.members[chance.IntN(len(v.members))])
			v.weights = append(v.weights, idleWeight+int(chance.ExpFloat64()*200))
		}
		before := slices.Max(slices.Collect(maps.Values(v.loads())))
		moves := v.moves()
		for _, m := range moves {
			if v.owners[m.shard] != m.from || m.from == m.to {
				t.Fatalf("%+v moves %+v", v, m)
			}
			v.owners[m.shard] = m.to
		}
		if after := slices.Max(slices.Collect(maps.Values(v.loads()))); after > before {
			t.Fatalf("the heaviest load grew from %d to %d: %+v", before, after, v)
		}
		if again := v.moves(); len(again) > 0 {
			t.Fatalf("%+v still wants %v after %v", v, again, moves)
		}
	}
}
