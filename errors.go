package pointsman

import "errors"

// ErrorCode classes an error by what its receiver can do about it. One place
// maps codes to HTTP statuses and one to exit codes.
type ErrorCode string

// The error codes.
const (
	CodeInvalid     ErrorCode = "invalid_request"      // the request or input is malformed: change it
	CodeUnknownTask ErrorCode = "unknown_model"        // no task or provider/model of that name
	CodeNotFound    ErrorCode = "not_found"            // no record of that id
	CodeAuth        ErrorCode = "invalid_api_key"      // the credential is missing or wrong
	CodeTooLarge    ErrorCode = "request_too_large"    // a bound was exceeded: send less
	CodeForbidden   ErrorCode = "no_permitted_tier"    // the owner's rules leave nothing that may answer
	CodeUpstream    ErrorCode = "upstream_failed"      // every permitted upstream failed: try again later
	CodeRejected    ErrorCode = "upstream_rejected"    // an upstream rejected the request: change it
	CodeCredentials ErrorCode = "upstream_credentials" // an upstream refused the operator's key, bill or permission
	CodeRateLimited ErrorCode = "rate_limit_exceeded"  // asked too often, here or at an upstream: try again later
	CodeTimeout     ErrorCode = "upstream_timeout"     // nothing answered in time: try again later
	CodeUnavailable ErrorCode = "service_unavailable"  // this service cannot take requests now
	CodeConfig      ErrorCode = "invalid_config"       // the configuration is wrong: mend the file
	CodeIntegrity   ErrorCode = "integrity"            // stored data is not what was written
	CodeInternal    ErrorCode = "internal"             // our own fault
)

// Error is an error for a person: what is wrong, and what to do about it. The
// wrapped error is for the operator and is never sent to a client.
type Error struct {
	Code    ErrorCode
	Message string
	Hint    string // what to do; may be empty
	Param   string // the request's member that is at fault, if one is
	Err     error
}

// Error prints the message with the chain below it, for logs.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the operator's error.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf finds the code of the first [Error] in the chain, or CodeInternal.
func CodeOf(err error) ErrorCode {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
