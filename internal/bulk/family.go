package bulk

import "github.com/imsworker/imsworker/messages"

// Parent is the bulk to which legs belong.
type Parent struct {
	Cloud, Key string
	Routes     []messages.BulkRoute
}

// Route is that of a leg's target.
func (p Parent) Route(target int) messages.BulkRoute {
	if target < 0 || target >= len(p.Routes) {
		return messages.BulkRoute{}
	}
	return p.Routes[target]
}

// Child names the request of a stage of a leg.
func (p Parent) Child(index int, l Leg, stage State) (messages.Relative, messages.Identity) {
	route := p.Route(l.Target)
	cloud, operation := p.Cloud, "copy-image"
	switch {
	case stage == Sharing:
		operation = "share-image"
	case stage == Answering:
		cloud, operation = route.Cloud, "answer-share"
	case route.Way == messages.WayShare:
		cloud = route.Cloud
	case route.Way == messages.WayAcross:
		operation = "copy-image-cross-region"
	}
	id := messages.LegIdentity(p.Cloud, p.Key, l.Base, index, stage.Stage())
	return messages.Relative{Key: messages.Key(cloud, id.Source, id.ID), Cloud: cloud, Operation: operation}, id
}

// Tell is the leg as events tell it.
func (p Parent) Tell(index int, l Leg) messages.Leg {
	route := p.Route(l.Target)
	e := messages.Leg{
		Index: index, ImageID: l.ImageID, Target: l.Target, Cloud: route.Cloud, Region: route.Region, Name: l.Name,
		State: l.State.Word(), Attempt: l.Decided, Error: l.Why.failure(),
	}
	if l.Base > 0 {
		child, _ := p.Child(index, l, l.At)
		e.Request = &messages.LegRequest{Relative: child, Attempt: l.Child}
		for stage := First(route.Way); stage < l.At; stage++ {
			step, _ := p.Child(index, l, stage)
			e.Steps = append(e.Steps, step)
		}
	}
	if l.Made != "" {
		e.Images = []messages.Image{{ID: l.Made, Name: l.Name, Cloud: route.Cloud}}
	}
	return e
}

// Again is a leg of an earlier attempt as the next one begins with it: done
// where it had succeeded, to be gone on with where its last request was left
// unresolved, and else to be begun anew. One of which not even the image is
// known stays as it is.
func (p Parent) Again(e messages.Leg) Leg {
	l := Leg{ImageID: e.ImageID, Target: e.Target, Name: e.Name}
	if e.Request != nil && (e.State == messages.StateSucceeded || e.State == messages.StateUnresolved) {
		l.Child = e.Request.Attempt
		l.Base, l.At = p.based(e)
	}
	switch {
	case e.ImageID == "":
		l.State, l.Decided, l.Why = Of(e.State), e.Attempt, WhyOf(e.Error)
		return l
	case e.State != messages.StateSucceeded:
		return l
	}
	l.State, l.Decided = Succeeded, e.Attempt
	if len(e.Images) > 0 {
		l.Made = e.Images[0].ID
	}
	return l
}

// Latest is the newest attempt of a request of which something is told.
type Latest struct {
	Attempt int            // 0 where nothing is told
	End     messages.State // empty while it runs
	Left    bool           // it was cancelled, and may have left what it was to make
}

// Since is Again for a leg whose request has come to an attempt meanwhile. What
// runs or has succeeded is not begun anew, nor what may have left a copy.
func (p Parent) Since(e messages.Leg, now Latest) Leg {
	if now.Attempt == 0 || e.Request == nil {
		return p.Again(e)
	}
	l := Leg{ImageID: e.ImageID, Target: e.Target, Name: e.Name}
	l.Base, l.At = p.based(e)
	switch {
	case l.At == Waiting:
		return p.Again(e)
	case now.End == "", now.End == messages.StateSucceeded:
		l.Follow(now.Attempt)
		return l
	case now.Left:
		l.Child, l.Left = now.Attempt, true
		return l
	}
	request := *e.Request
	request.Attempt = now.Attempt
	e.State, e.Request = now.End, &request
	return p.Again(e)
}

// based finds for which attempt of the bulk, and for which stage, a leg's last
// request was made: its key tells.
func (p Parent) based(e messages.Leg) (int, State) {
	for base := e.Attempt; base > 0; base-- {
		for stage := Sharing; stage <= Copying; stage++ {
			id := messages.LegIdentity(p.Cloud, p.Key, base, e.Index, stage.Stage())
			if messages.Key(e.Request.Cloud, id.Source, id.ID) == e.Request.Key {
				return base, stage
			}
		}
	}
	return 0, Waiting
}
