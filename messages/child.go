package messages

import "encoding/json"

// ChildFinished is the data of a child-finished message: a leg of a bulk may
// have ended. It is a hint; the leg's own event tells.
type ChildFinished struct {
	// Key is the bulk's, Leg the index of the leg.
	Key string `json:"key"`
	Leg int    `json:"leg"`
	// Child is the key of the leg's request, Attempt and State are how it ended.
	Child   string `json:"child"`
	Attempt int    `json:"attempt"`
	State   State  `json:"state"`
}

// ReadChildFinished reads the data of a child-finished message.
func ReadChildFinished(body []byte) (c ChildFinished, ps Problems) {
	if err := json.Unmarshal(body, &c); err != nil {
		ps.Add("", "the data is not that of a finished leg; such messages are the workers' own: %v", err)
		return c, ps
	}
	if !ValidKey(c.Key) {
		ps.Add("key", "%q is no key of a bulk", brief(c.Key))
	}
	if c.Leg < 0 {
		ps.Add("leg", "is %d; legs are counted from 0", c.Leg)
	}
	return c, ps
}
