// Package ims is the HTTP client for the image service and its neighbours
// (CBR, IAM, EVS) of Open Telekom Cloud and Huawei Cloud.
//
// A call passes a chain of small links, each in a file of its own: renewal of
// credentials, retry of reads, measuring, decoding of errors, authorisation,
// the cloud's clock, debug log, transport. One table of codes says what an
// error means for the worker. The package knows no queue, no request and no
// ledger: when to call again later, and whether a lost answer means that
// something was made, is decided by its callers from the verdict of an error.
package ims
