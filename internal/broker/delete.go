package broker

import (
	"context"
	"errors"
	"fmt"
)

type msgQuestion struct {
	Sequence uint64 `json:"seq"`
}

type msgDeleteAnswer struct {
	Success bool `json:"success"`
}

// codeNoSequence is what the broker says of a message to be deleted that is not
// there, codeDeleteFailed where it finds so late.
const codeNoSequence, codeDeleteFailed = 10043, 10057

// Delete removes one message from a stream and overwrites it in the store. That
// it is gone already is no error: an earlier try may have done it whose answer
// was lost. Elections and lost connections are waited out until ctx ends.
func (c *Conn) Delete(ctx context.Context, stream string, sequence uint64) error {
	var done msgDeleteAnswer
	err := c.ask(ctx, "STREAM.MSG.DELETE."+stream, msgQuestion{sequence}, &done)
	if api, ok := apiError(err); ok && (api.ErrorCode == codeNoSequence || api.ErrorCode == codeDeleteFailed && c.gone(ctx, stream, sequence)) {
		return nil
	}
	if err == nil && !done.Success {
		err = errors.New("the broker did not do it")
	}
	if err != nil {
		return fmt.Errorf("delete message %d of %s: %w", sequence, stream, err)
	}
	return nil
}

// gone reports whether a stream surely has no such message.
func (c *Conn) gone(ctx context.Context, stream string, sequence uint64) bool {
	var answer msgGetAnswer
	api, ok := apiError(c.ask(ctx, "STREAM.MSG.GET."+stream, msgQuestion{sequence}, &answer))
	return ok && api.ErrorCode == codeMsgNotFound
}
